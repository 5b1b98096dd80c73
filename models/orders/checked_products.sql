-- One row per row of the products feed, with its rejection reason or null.
{%- set said = [
    'product_id',
    'product_name',
    'category',
    'unit_cost',
    'stock',
    'launched_at',
    'withdrawn_at',
    'unreadable',
] %}
with marked as (
    {{ mark_duplicates(ref('stg_products'), said, ['product_id']) }}
),

judged as (
    select
        *,
        case
            when product_id is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when unreadable is not null
                then {{ unread_reason(['launched_at', 'withdrawn_at']) }}
            when unit_cost < 0 then 'negative_cost'
        end as rejection_reason
    from marked
)

select
    product_id,
    product_name,
    category,
    unit_cost,
    stock,
    launched_at,
    withdrawn_at,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
