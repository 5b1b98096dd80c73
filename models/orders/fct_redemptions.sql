{{ config(materialized="view") }}
-- One row per use of a coupon.
select
    redemption_id,
    coupon_code,
    order_id,
    customer_key,
    campaign_id,
    redeemed_at,
    {{ shop_date('redeemed_at') }} as redeemed_date,
    amount
from {{ ref('checked_redemptions') }}
where rejection_reason is null
