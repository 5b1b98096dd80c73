{{ config(materialized="view") }}
-- One row per browsing event.
select
    event_id,
    customer_key,
    session_id,
    event_type,
    product_id,
    occurred_at,
    {{ shop_date('occurred_at') }} as occurred_date,
    position,
    query
from {{ ref('checked_events') }}
where rejection_reason is null
