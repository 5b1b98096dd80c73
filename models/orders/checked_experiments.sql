-- One row per row of the experiments feed, with its rejection reason or null.
{%- set said = [
    'experiment_id',
    'experiment_name',
    'campaign_id',
    'started_at',
    'ended_at',
    'unreadable',
] %}
with staged as (
    select * from {{ ref('stg_experiments') }}
),

marked as (
    {{ mark_duplicates('staged', said, ['experiment_id']) }}
),

judged as (
    select
        *,
        coalesce(
            case when experiment_id is null then 'missing_key' end,
            duplicate_reason,
            {{ unread_reason(['started_at', 'ended_at']) }},
            case when ended_at < started_at then 'ends_before_start' end
        ) as rejection_reason
    from marked
)

select
    experiment_id,
    experiment_name,
    campaign_id,
    started_at,
    ended_at,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
