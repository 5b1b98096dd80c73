-- One row per record of money given back that is no order or line of its own.
with refunds as (
    select * from {{ ref('checked_refunds') }}
    where rejection_reason is null
),

orders as (
    select * from {{ ref('fct_orders') }}
)

select
    refunds.refund_id,
    refunds.order_id,
    orders.customer_key,
    coalesce(refunds.refunded_at, orders.ordered_at) as refunded_at,
    cast(coalesce(refunds.refunded_at, orders.ordered_at) as date) as refunded_date,
    refunds.amount,
    cast(case when orders.is_sale then refunds.amount else 0 end as decimal(18, 4))
        as spend_amount,
    refunds.refunded_at is not null as is_dated,
    'refunds' as source
from refunds
left join orders on refunds.order_id = orders.order_id
