{{ config(materialized="view") }}
-- One row per browsing event.
select
    event_id,
    customer_key,
    session_id,
    event_type,
    product_id,
    occurred_at,
    cast(occurred_at as date) as occurred_date
from {{ ref('checked_events') }}
where rejection_reason is null
