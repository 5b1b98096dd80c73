-- One row per row of the campaigns feed, with its rejection reason or null.
{%- set said = [
    'campaign_id',
    'campaign_name',
    'channel',
    'coupon_code',
    'started_at',
    'ended_at',
    'unreadable',
] %}
with staged as (
    select * from {{ ref('stg_campaigns') }}
),

marked as (
    {{ mark_duplicates('staged', said, ['campaign_id']) }}
),

judged as (
    select
        *,
        coalesce(
            case when campaign_id is null then 'missing_key' end,
            duplicate_reason,
            {{ unread_reason(['started_at', 'ended_at']) }},
            case when ended_at < started_at then 'ends_before_start' end
        ) as rejection_reason
    from marked
)

select
    campaign_id,
    campaign_name,
    lower(channel) as channel,
    upper(coupon_code) as coupon_code,
    started_at,
    ended_at,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
