-- One row per as-of date and horizon of which a forecast was made in time: what was said,
-- the error that was expected of it then, and once the horizon is over, what came.
with said as (
    select
        *,
        row_number() over (
            partition by horizon_days, actual_spend is not null order by as_of_date desc
        ) as place
    from {{ ref('said_and_came') }}
    where not is_replay
),

expected as (
    select
        said.*,
        errors.expected_spend,
        errors.low_spend,
        errors.high_spend,
        -- Dates from before errors were remembered have that of other shops.
        coalesce(errors.expected_error, {{ expected_error_of('null', 'null') }})
            as expected_error
    from said
    left join {{ ref('expected_errors') }} as errors
        on
            said.as_of_date = errors.as_of_date
            and said.horizon_days = errors.horizon_days
),

measured as (
    select
        *,
        {{ total_change('said_spend', 'actual_spend') }} as change,
        abs(coverage_error_p90) as range_size,
        {{ coverage_errors('coverage_error_p90', 'customers') }} as range_errors
    from expected
),

in_errors as (
    select
        *,
        {{ calibration_errors('change', 'expected_error') }} as errors
    from measured
),

totals_limits as (
    select * from ({{ alarm_limits() }}) as all_limits
    where check_name = 'forecast_totals'
),

ranges_limits as (
    select * from ({{ alarm_limits() }}) as all_limits
    where check_name = 'forecast_ranges'
)

select
    in_errors.as_of_date,
    in_errors.horizon_days,
    in_errors.due_date,
    in_errors.actual_spend is not null as is_over,
    in_errors.actual_spend is not null and in_errors.place = 1 as is_newest,
    in_errors.customers,
    in_errors.said_spend,
    in_errors.expected_error,
    cast(exp(in_errors.expected_error * 0.67448975e0) - 1 as double) as even_odds_error,
    in_errors.actual_spend,
    in_errors.change,
    in_errors.errors,
    abs(in_errors.errors) <= 1.2815515655446e0 as is_within_range,
    in_errors.coverage_error_p90,
    in_errors.range_errors,
    {{ severity_of('abs(in_errors.change)', 'in_errors.errors', 'totals_limits') }}
        as totals_severity,
    {{ severity_of('in_errors.range_size', 'in_errors.range_errors', 'ranges_limits') }}
        as ranges_severity
from in_errors
cross join totals_limits
cross join ranges_limits
