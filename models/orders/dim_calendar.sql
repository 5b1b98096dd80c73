{{ config(materialized="view") }}
-- One row per day and sale or holiday, past and planned.
select
    day as calendar_date,
    name,
    kind
from {{ ref('checked_calendar') }}
where rejection_reason is null
