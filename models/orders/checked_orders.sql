-- One row per row of the orders feed, with the reason why it is rejected, if it is.
{{ check_currency(ref('stg_orders')) }}
with orders as (
    select * from {{ ref('stg_orders') }}
),

lined_orders as (
    select distinct order_id from {{ ref('stg_order_lines') }}
    where order_id is not null
),

marked as (
    {{ mark_duplicates('orders', ['order_id'], 'ordered_at') }}
),

joined as (
    select
        marked.order_id,
        marked.customer_key,
        marked.ordered_at,
        lower(marked.status) as status,
        marked.currency,
        case when lined_orders.order_id is null then marked.amount end as amount,
        lined_orders.order_id is not null as has_lines,
        marked.unreadable_column,
        marked.duplicate_reason,
        marked.record
    from marked
    left join lined_orders on marked.order_id = lined_orders.order_id
),

judged as (
    select
        *,
        case
            when order_id is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when {{ date_reason('ordered_at') }} is not null
                then {{ date_reason('ordered_at') }}
            when unreadable_column is not null then 'unreadable_number'
            {%- if var('currency') %}
            when currency != '{{ var("currency") }}' then 'other_currency'
            {%- endif %}
            when amount is null and not has_lines then 'no_amount'
        end as rejection_reason
    from joined
)

select
    order_id,
    customer_key,
    ordered_at,
    status,
    currency,
    amount,
    has_lines,
    coalesce(
        status in ('cancelled', 'canceled', 'void', 'voided', 'failed', 'unavailable'), false
    ) as is_cancelled,
    duplicate_reason is null as is_kept,
    rejection_reason,
    case when rejection_reason is not null then record end as record
from judged
