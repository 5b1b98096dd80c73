-- A customer's order numbers run from 1 without a gap, and there are as many of them as
-- customer_days counts orders.
with numbered as (
    select
        customer_key,
        count(order_number) as orders,
        min(order_number) as first_number,
        max(order_number) as last_number,
        count(case when is_first_order then 1 end) as first_orders
    from {{ ref('fct_orders') }}
    where order_number is not null
    group by customer_key
),

counted as (
    select
        customer_key,
        sum(orders) as orders,
        count(case when is_purchase then 1 end) as frequency
    from {{ ref('customer_days') }}
    where is_purchase
    group by customer_key
)

select
    counted.customer_key,
    counted.orders,
    counted.frequency,
    numbered.orders as numbers,
    numbered.last_number
from counted
full outer join numbered on counted.customer_key = numbered.customer_key
where
    coalesce(counted.orders, 0) <> coalesce(numbered.orders, 0)
    or numbered.first_number <> 1
    or numbered.last_number <> numbered.orders
    or numbered.first_orders <> 1
    or counted.frequency > numbered.orders
