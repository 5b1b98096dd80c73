-- One row per alarm and scoring date on which a run raised it.
select
    check_name,
    subject,
    group_name,
    as_of_date,
    severity,
    since_date,
    size,
    statement,
    retrains
from {{ ref('alarms') }}
