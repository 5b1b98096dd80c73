-- One row per sale of the 365 days up to the scoring date: what the order was worth, with what
-- its customer was expected to spend later, for bidding by value.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

orders as (
    select
        orders.*,
        orders.sold_amount - orders.undone_amount as order_spend,
        coalesce(orders.is_first_order, false) as is_new_customer
    from {{ ref('fct_orders') }} as orders
    cross join scoring
    where
        orders.ordered_date <= scoring.as_of_date
        and orders.ordered_date > {{ plus_days('scoring.as_of_date', -365) }}
        and orders.is_sale
        and orders.sold_amount > orders.undone_amount
),

-- What a new customer is expected to spend within a year of the first order. Later orders of
-- the same customer were in it: they count with what they are themselves.
expected as (
    select
        customer_key,
        known_until,
        expected_spend
    from {{ ref('first_order_values') }}
    where horizon_days = 365
),

valued as (
    select
        orders.*,
        coalesce(expected.expected_spend, 0) as later_spend,
        expected.known_until,
        margins.margin
    from orders
    left join expected
        on orders.customer_key = expected.customer_key and orders.is_new_customer
    cross join {{ ref('shop_margin') }} as margins
)

select
    valued.order_id,
    valued.customer_key,
    valued.ordered_at,
    valued.ordered_date,
    valued.is_new_customer,
    acquired.channel,
    acquired.campaign_id,
    valued.utm_source,
    valued.click_id,
    valued.currency,
    valued.known_until,
    cast(valued.order_spend as decimal(38, 4)) as order_spend,
    cast(valued.later_spend as decimal(38, 2)) as expected_later_spend,
    cast(
        {{ rounded('cast(valued.order_spend as double) * valued.margin', 2) }}
        as decimal(38, 2)
    ) as order_margin,
    cast(
        {{ rounded(
            '(cast(valued.order_spend as double) + cast(valued.later_spend as double))'
            ~ ' * valued.margin', 2
        ) }} as decimal(38, 2)
    ) as expected_value
from valued
left join {{ ref('acquired_customers') }} as acquired
    on valued.order_id = acquired.order_id
