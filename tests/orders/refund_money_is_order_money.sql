-- Spend falls by the refunds of an order, whatever their source, as the order says.
with refunds as (
    select
        order_id,
        sum(spend_amount) as spend_amount
    from {{ ref('fct_refunds') }}
    group by order_id
)

select
    coalesce(orders.order_id, refunds.order_id) as order_id,
    orders.refunded_amount,
    refunds.spend_amount
from {{ ref('fct_orders') }} as orders
full outer join refunds on orders.order_id = refunds.order_id
where
    orders.order_id is null
    or orders.refunded_amount != coalesce(refunds.spend_amount, 0)
