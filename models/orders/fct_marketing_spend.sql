{{ config(materialized="view") }}
-- One row per day, channel and campaign with money spent on advertising.
select
    day as spent_date,
    channel,
    campaign_id,
    amount,
    currency,
    impressions,
    clicks
from {{ ref('checked_marketing_spend') }}
where rejection_reason is null
