-- One row per row of the marketing_spend feed, with its rejection reason or null.
{%- set said = [
    'day',
    'channel',
    'campaign_id',
    'amount',
    'currency',
    'impressions',
    'clicks',
    'unreadable',
] %}
with keyed as (
    select
        *,
        lower(channel) as channel_key,
        coalesce(campaign_id, '') as campaign_key
    from {{ ref('stg_marketing_spend') }}
),

marked as (
    {{ mark_duplicates(
        'keyed', said + ['channel_key', 'campaign_key'], ['day', 'channel_key', 'campaign_key']
    ) }}
),

shop as (
    {{ shop_currency(ref('checked_orders')) }}
),

judged as (
    select
        marked.*,
        coalesce(
            case when channel is null then 'missing_key' end,
            duplicate_reason,
            {{ day_reason('day') }},
            case
                when amount is null or unreadable is not null then 'unreadable_number'
                when upper(currency) != shop.currency_of_shop then 'other_currency'
            end
        ) as rejection_reason
    from marked
    cross join shop
)

select
    day,
    channel_key as channel,
    campaign_id,
    amount,
    upper(currency) as currency,
    impressions,
    clicks,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
