-- The money of the days of known customers is the money of their orders.
with days as (
    select customer_key, sum(net_amount) as net_amount from {{ ref('customer_days') }}
    group by customer_key
),

orders as (
    select customer_key, sum(net_amount) as net_amount from {{ ref('fct_orders') }}
    where customer_key is not null
    group by customer_key
)

select
    coalesce(days.customer_key, orders.customer_key) as customer_key,
    days.net_amount as day_amount,
    orders.net_amount as order_amount
from days
full outer join orders on days.customer_key = orders.customer_key
where coalesce(days.net_amount, 0) != coalesce(orders.net_amount, 0)
