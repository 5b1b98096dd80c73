{{ config(materialized="view") }}
-- One row per experiment and customer: the arm that chance gave.
select
    experiment_id,
    customer_key,
    arm,
    assigned_at,
    {{ shop_date('assigned_at') }} as assigned_date,
    exposed_at
from {{ ref('checked_assignments') }}
where rejection_reason is null
