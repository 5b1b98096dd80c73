{{ reloaded('occurred_at', key='event_id') }}
-- One row per row of the events feed, with its rejection reason or null.
{%- set said = [
    'event_id',
    'customer_key',
    'session_id',
    'event_type',
    'product_id',
    'occurred_at',
    'unreadable',
] %}
with {{ marked_feed(ref('stg_events'), said, 'event_id', 'occurred_at') }},

judged as (
    select
        *,
        case
            when event_id is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when {{ date_reason('occurred_at') }} is not null then {{ date_reason('occurred_at') }}
            when coalesce(lower(event_type), '') not in (
                    'view', 'cart', 'checkout', 'purchase', 'impression', 'search'
                )
                then 'unknown_event_type'
        end as rejection_reason
    from marked
)

select
    event_id,
    customer_key,
    session_id,
    lower(event_type) as event_type,
    product_id,
    occurred_at,
    rejection_reason,
    case
        when rejection_reason is not null
            then {{ row_json(said) }}
    end as record
from judged
