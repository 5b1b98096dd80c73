{{ reloaded('occurred_at', key='event_id') }}
-- One row per row of the events feed, with its rejection reason or null.
{%- set said = [
    'event_id',
    'customer_key',
    'session_id',
    'event_type',
    'product_id',
    'occurred_at',
    'position',
    'query',
    'unreadable',
] %}
with {{ marked_feed(ref('stg_events'), said, 'event_id', 'occurred_at') }},

types as (
    select
        event_type as described_type,
        meaning
    from {{ ref('event_types') }}
),

judged as (
    select
        marked.*,
        types.meaning,
        case
            when event_id is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when {{ date_reason('occurred_at') }} is not null then {{ date_reason('occurred_at') }}
            when types.meaning is null then 'unknown_event_type'
        end as rejection_reason
    from marked
    left join types
        on translate(lower(marked.event_type), ' -', '__') = types.described_type
)

select
    event_id,
    customer_key,
    session_id,
    coalesce(meaning, lower(event_type)) as event_type,
    product_id,
    occurred_at,
    case when position >= 1 then position end as position,
    query,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
