{{ config(materialized="view") }}
-- One row per record of money given back that is no order or line of its own.
select
    refund_id,
    order_id,
    customer_key,
    refunded_at,
    refunded_date,
    amount,
    spend_amount,
    is_dated,
    source
from {{ ref('order_refunds') }}
where source != 'credit'
