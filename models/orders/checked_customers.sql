-- One row per row of the customers feed, with its rejection reason or null. Names and
-- addresses end here.
{%- set said = [
    'customer_key',
    'country',
    'acquisition_channel',
    'signed_up_at',
    'unreadable',
] %}
with staged as (
    -- Three parts of mark_duplicates read the key, which takes long to compute.
    select
        {{ said | join(', ') }},
        loaded_order
    from {{ ref('stg_customers') }}
),

marked as (
    {{ mark_duplicates('staged', said, ['customer_key']) }}
),

judged as (
    select
        *,
        case
            when customer_key is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when unreadable is not null then 'unreadable_date'
            when signed_up_at is not null then {{ date_reason('signed_up_at') }}
        end as rejection_reason
    from marked
)

select
    customer_key,
    country,
    acquisition_channel,
    signed_up_at,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
