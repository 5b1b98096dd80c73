-- One row per row of the consents feed, with its rejection reason or null. A newer row
-- without a withdrawal says that the consent holds.
{%- set said = [
    'customer_key',
    'purpose',
    'given_at',
    'withdrawn_at',
    'unreadable',
] %}
with keyed as (
    select
        *,
        lower(purpose) as purpose_key,
        coalesce(given_at, timestamp '1970-01-01 00:00:00') as given_key,
        withdrawn_at is null as holds
    from {{ ref('stg_consents') }}
),

marked as (
    {{ mark_duplicates(
        'keyed',
        said + ['purpose_key', 'given_key', 'holds'],
        ['customer_key', 'purpose_key', 'given_key']
    ) }}
),

judged as (
    select
        *,
        coalesce(
            case
                when purpose is null then 'missing_key'
                when customer_key is null then 'missing_customer'
            end,
            duplicate_reason,
            {{ unread_reason(['given_at', 'withdrawn_at']) }},
            case when given_at is not null then {{ date_reason('given_at') }} end,
            case when withdrawn_at is not null then {{ date_reason('withdrawn_at') }} end,
            case when withdrawn_at < given_at then 'ends_before_start' end
        ) as rejection_reason
    from marked
)

select
    customer_key,
    purpose_key as purpose,
    given_at,
    withdrawn_at,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
