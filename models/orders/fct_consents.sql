{{ config(materialized="view") }}
-- One row per customer, purpose and time at which the customer agreed.
select
    customer_key,
    purpose,
    given_at,
    withdrawn_at
from {{ ref('checked_consents') }}
where rejection_reason is null
