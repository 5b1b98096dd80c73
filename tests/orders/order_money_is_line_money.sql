-- An order with lines is worth the sum of its lines.
with line_money as (
    select order_id, sum(amount) as amount from {{ ref('fct_order_lines') }}
    group by order_id
)

select
    orders.order_id,
    orders.amount as order_amount,
    line_money.amount as line_amount
from {{ ref('fct_orders') }} as orders
inner join line_money on orders.order_id = line_money.order_id
where orders.amount != line_money.amount
