{{ config(materialized="view") }}
-- One row per message sent to a customer.
select
    send_id,
    campaign_id,
    customer_key,
    sent_at,
    {{ shop_date('sent_at') }} as sent_date,
    opened_at,
    clicked_at,
    cost
from {{ ref('checked_campaign_sends') }}
where rejection_reason is null
