-- One row per as-of date and horizon: the error that the total was expected to have when
-- it was said. What was said of a day in time stands, as in score_history.
with totals as (
    select * from {{ ref('expected_totals') }}
),

earlier as (
    select * from {{ left_by_earlier_runs('expected_errors') }} as remembered
),

newest as (
    select max(as_of_date) as as_of_date from earlier
)

select
    totals.as_of_date,
    totals.horizon_days,
    totals.expected_spend,
    totals.low_spend,
    totals.high_spend,
    {{ expected_error_of('totals.low_spend', 'totals.high_spend') }} as expected_error
from totals
cross join newest
left join earlier
    on
        totals.as_of_date = earlier.as_of_date
        and totals.horizon_days = earlier.horizon_days
where
    earlier.as_of_date is null
    and (newest.as_of_date is null or totals.as_of_date >= newest.as_of_date)
