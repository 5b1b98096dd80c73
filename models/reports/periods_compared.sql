-- One row per length of a period, country and channel: what was bought in the newest
-- days and in the same days a year before. The table does not part customers by segment,
-- because today's segment follows from what they bought in these days.
{%- set measures = ['revenue', 'orders', 'buyers', 'new_customers'] %}
{%- set sizes = ['people'] if setting('smallest_group') > 1 else [] %}
with shop as (
    select * from {{ ref('shop') }}
),

customers as (
    select
        customer_groups.customer_key,
        customer_groups.country,
        customer_groups.acquisition_channel,
        profiles.first_purchase_date
    from {{ ref('customer_groups') }} as customer_groups
    inner join {{ ref('customer_profiles') }} as profiles
        on customer_groups.customer_key = profiles.customer_key
),

periods as (
    {%- for days in [30, 91, 365] %}
    {%- set is_longest = loop.last %}
    {%- for years in [0, 1] %}
    select
        {{ days }} as period_days,
        {{ years }} as years_before,
        {{ plus_days('as_of_date', 1 - days - 365 * years) }} as first_date,
        {{ plus_days('as_of_date', -365 * years) }} as last_date
    from shop
    {%- if not (is_longest and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

orders as (
    select
        *,
        is_sale and sold_amount > undone_amount as is_purchase
    from {{ ref('fct_orders') }}
),

bought as (
    select
        periods.period_days,
        periods.years_before,
        coalesce(customers.country, 'guest') as country,
        coalesce(customers.acquisition_channel, 'guest') as acquisition_channel,
        sum(orders.net_amount) as revenue,
        {%- if sizes %}
        count(distinct coalesce(orders.customer_key, orders.order_id)) as people,
        {%- endif %}
        count(case when orders.is_purchase then 1 end) as orders,
        count(distinct case when orders.is_purchase then customers.customer_key end)
            as buyers,
        count(
            distinct case
                when
                    customers.first_purchase_date
                    between periods.first_date and periods.last_date
                    then customers.customer_key
            end
        ) as new_customers
    from orders
    inner join periods
        on orders.ordered_date between periods.first_date and periods.last_date
    left join customers on orders.customer_key = customers.customer_key
    group by
        periods.period_days,
        periods.years_before,
        coalesce(customers.country, 'guest'),
        coalesce(customers.acquisition_channel, 'guest')
),

sums as (
    select
        {%- for years, suffix in [(0, ''), (1, '_before')] %}
        {%- for measure in measures + sizes %}
        {%- set name = measure ~ suffix %}
        coalesce(sum(case when years_before = {{ years }} then {{ measure }} end), 0)
            as {{ name }},
        {%- endfor %}
        {%- endfor %}
        period_days,
        country,
        acquisition_channel
    from bought
    group by period_days, country, acquisition_channel
),

periods_compared as (
    select
        sums.period_days,
        sums.country,
        sums.acquisition_channel,
        shop.first_order_date
        <= {{ plus_days('shop.as_of_date', '1 - 365 - sums.period_days') }}
            as has_year_before,
        {%- for suffix in ['', '_before'] %}
        {%- set is_last_suffix = loop.last %}
        {%- for measure in measures %}
        {%- set type = 'decimal(38, 4)' if measure == 'revenue' else 'bigint' %}
        cast(sums.{{ measure }}{{ suffix }} as {{ type }}) as {{ measure }}{{ suffix }}
        {%- if not (is_last_suffix and loop.last) %},{% endif %}
        {%- endfor %}
        {%- endfor %}
    from sums
    cross join shop
    {%- if sizes %}
    where
        {{ is_shown_group('sums.people') }}
        and {{ is_shown_group('sums.people_before') }}
        and {{ is_shown_group('sums.buyers') }}
        and {{ is_shown_group('sums.buyers_before') }}
    {%- endif %}
)

select * from periods_compared
