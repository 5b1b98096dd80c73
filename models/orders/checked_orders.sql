-- One row per row of the orders feed, with the reason why it is rejected, if it is.
{%- set said = [
    'order_id',
    'customer_key',
    'ordered_at',
    'status',
    'currency',
    'amount',
    'unreadable',
] %}
{{ check_currency(ref('stg_orders')) }}
with orders as (
    select * from {{ ref('stg_orders') }}
),

lined_orders as (
    select distinct order_id from {{ ref('stg_order_lines') }}
    where order_id is not null
),

marked as (
    {{ mark_duplicates('orders', said, ['order_id'], 'ordered_at') }}
),

joined as (
    select
        marked.order_id,
        marked.customer_key,
        marked.ordered_at,
        lower(marked.status) as status,
        marked.currency,
        marked.amount,
        lined_orders.order_id is not null as has_lines,
        marked.unreadable,
        marked.duplicate_reason
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
            when unreadable is not null then 'unreadable_number'
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
    case when not has_lines then amount end as amount,
    has_lines,
    coalesce(
        status in ('cancelled', 'canceled', 'void', 'voided', 'failed', 'unavailable'), false
    ) as is_cancelled,
    duplicate_reason is null as is_kept,
    rejection_reason,
    case
        when rejection_reason is not null
            then {{ row_json(said) }}
    end as record
from judged
