-- One row per day from the first order to the last.
with span as (
    select
        min(ordered_date) as first_date,
        max(ordered_date) as last_date
    from {{ ref('fct_orders') }}
    having count(*) > 0
)

select {{ each_day('first_date', 'last_date') }} as date_day
from span
