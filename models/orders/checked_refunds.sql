-- One row per row of the refunds feed, with its rejection reason or null. A refund
-- without a date is one: it counts on its order's last change, or else on its day.
{%- set said = [
    'refund_id',
    'order_id',
    'refunded_at',
    'amount',
    'line_number',
    'unreadable',
] %}
with orders as (
    select * from {{ ref('checked_orders') }}
    where is_kept and order_id is not null
),

marked as (
    {{ mark_duplicates(ref('stg_refunds'), said, ['refund_id']) }}
),

joined as (
    select
        marked.refund_id,
        marked.order_id,
        marked.refunded_at,
        marked.amount,
        marked.line_number,
        marked.unreadable,
        marked.duplicate_reason,
        orders.order_id is not null as has_order,
        orders.rejection_reason as order_reason
    from marked
    left join orders on marked.order_id = orders.order_id
),

judged as (
    select
        *,
        case
            when refund_id is null or order_id is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when not has_order then 'order_missing'
            when order_reason is not null then 'order_rejected'
            when refunded_at is null and unreadable like '%"refunded_at":"%'
                then 'unreadable_date'
            when refunded_at is not null and {{ date_reason('refunded_at') }} is not null
                then {{ date_reason('refunded_at') }}
            when amount is null or unreadable is not null then 'unreadable_number'
        end as rejection_reason
    from joined
)

select
    refund_id,
    order_id,
    refunded_at,
    abs(amount) as amount,
    line_number,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
