-- One row per row of the campaign_sends feed, with its rejection reason or null.
{%- set said = [
    'send_id',
    'campaign_id',
    'customer_key',
    'sent_at',
    'opened_at',
    'clicked_at',
    'cost',
    'unreadable',
] %}
with staged as (
    select * from {{ ref('stg_campaign_sends') }}
),

marked as (
    {{ mark_duplicates('staged', said, ['send_id']) }}
),

judged as (
    select
        *,
        coalesce(
            case when send_id is null or campaign_id is null then 'missing_key' end,
            duplicate_reason,
            case when customer_key is null then 'missing_customer' end,
            {{ date_reason('sent_at') }},
            {{ unread_reason(['opened_at', 'clicked_at']) }},
            case when cost < 0 then 'negative_cost' end
        ) as rejection_reason
    from marked
)

select
    send_id,
    campaign_id,
    customer_key,
    sent_at,
    opened_at,
    clicked_at,
    cost,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
