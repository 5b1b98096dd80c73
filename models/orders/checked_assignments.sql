-- One row per row of the assignments feed, with its rejection reason or null. A customer
-- who is in two arms of an experiment can be compared with neither: both rows go.
{%- set said = [
    'experiment_id',
    'customer_key',
    'arm',
    'assigned_at',
    'exposed_at',
    'unreadable',
] %}
with staged as (
    select * from {{ ref('stg_assignments') }}
),

marked as (
    {{ mark_duplicates('staged', said, ['experiment_id', 'customer_key']) }}
),

compared as (
    select
        *,
        min(lower(arm)) over (partition by experiment_id, customer_key)
        != max(lower(arm)) over (partition by experiment_id, customer_key) as has_two_arms
    from marked
),

judged as (
    select
        *,
        coalesce(
            case
                when experiment_id is null then 'missing_key'
                when customer_key is null then 'missing_customer'
                when arm is null then 'missing_arm'
                when has_two_arms then 'two_arms'
            end,
            duplicate_reason,
            {{ date_reason('assigned_at') }},
            {{ unread_reason(['exposed_at']) }},
            case when exposed_at is not null then {{ date_reason('exposed_at') }} end
        ) as rejection_reason
    from compared
)

select
    experiment_id,
    customer_key,
    lower(arm) as arm,
    assigned_at,
    exposed_at,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
