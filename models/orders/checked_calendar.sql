-- One row per row of the calendar feed, with its rejection reason or null.
{%- set said = [
    'day',
    'name',
    'kind',
    'unreadable',
] %}
with staged as (
    select * from {{ ref('stg_calendar') }}
),

marked as (
    {{ mark_duplicates('staged', said, ['day', 'name']) }}
),

judged as (
    select
        *,
        case
            when name is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when day is null then 'unreadable_date'
            when day < date '1970-01-01' then 'date_before_1970'
            when coalesce(lower(kind), '') not in ('sale', 'holiday') then 'unknown_kind'
        end as rejection_reason
    from marked
)

select
    day,
    name,
    lower(kind) as kind,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
