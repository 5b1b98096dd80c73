-- One row per new customer and horizon that is not over: what the customer was worth to
-- expect at the first order.
with scores as (
    select * from {{ ref('first_order_scores') }}
),

valued as (
    select
        scores.customer_key,
        scores.as_of_date,
        scores.horizon_days,
        scores.first_order_date,
        scores.known_until,
        first_orders.first_net_amount as first_spend,
        scores.expected_spend,
        (cast(first_orders.first_net_amount as double) + scores.expected_spend) * margins.margin
            as expected_value
    from scores
    inner join {{ ref('first_orders') }} as first_orders
        on scores.customer_key = first_orders.customer_key
    cross join {{ ref('shop_margin') }} as margins
)

select
    customer_key,
    as_of_date,
    cast(horizon_days as integer) as horizon_days,
    first_order_date,
    known_until,
    cast(first_spend as decimal(38, 4)) as first_spend,
    cast({{ rounded('expected_spend', 2) }} as decimal(38, 2)) as expected_spend,
    cast({{ rounded('expected_value', 2) }} as decimal(38, 2)) as expected_value
from valued
