-- One row per month, segment, country and channel with an order: the revenue of the
-- newest months up to the scoring date. Orders of guests, and of people who kept nothing
-- of what they bought, stand under guest.
{%- set most_months = 36 %}
with shop as (
    select * from {{ ref('shop') }}
),

orders as (
    select
        *,
        cast(date_trunc('month', ordered_date) as date) as month
    from {{ ref('fct_orders') }}
),

customer_groups as (
    select * from {{ ref('customer_groups') }}
),

known_orders as (
    select orders.*
    from orders
    inner join shop on orders.ordered_date <= shop.as_of_date
),

newest as (
    select max(month) as month from known_orders
),

revenue_by_month as (
    select
        known_orders.month,
        coalesce(customer_groups.segment, 'guest') as segment,
        coalesce(customer_groups.country, 'guest') as country,
        coalesce(customer_groups.acquisition_channel, 'guest') as acquisition_channel,
        {%- if setting('smallest_group') > 1 %}
        count(distinct coalesce(known_orders.customer_key, known_orders.order_id)) as people,
        {%- endif %}
        cast(sum(known_orders.net_amount) as decimal(38, 4)) as revenue
    from known_orders
    inner join newest
        on {{ months_between('known_orders.month', 'newest.month') }} < {{ most_months }}
    left join customer_groups
        on known_orders.customer_key = customer_groups.customer_key
    group by
        known_orders.month,
        coalesce(customer_groups.segment, 'guest'),
        coalesce(customer_groups.country, 'guest'),
        coalesce(customer_groups.acquisition_channel, 'guest')
)

select
    month,
    segment,
    country,
    acquisition_channel,
    revenue
from revenue_by_month
{%- if setting('smallest_group') > 1 %}
where {{ is_shown_group('people') }}
{%- endif %}
