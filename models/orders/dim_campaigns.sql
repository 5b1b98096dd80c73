{{ config(materialized="view") }}
-- One row per campaign of the feed campaigns.
select
    campaign_id,
    campaign_name,
    channel,
    coupon_code,
    started_at,
    ended_at
from {{ ref('checked_campaigns') }}
where rejection_reason is null
