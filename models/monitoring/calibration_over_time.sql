-- One row per as-of date and horizon of which a forecast was made in time: what was said,
-- the error that was expected of it then, and once the horizon is over, what came.
{%- set so_far %}
    partition by horizon_days, actual_spend is not null order by as_of_date
    rows between unbounded preceding and current row
{%- endset %}
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
        {{ coverage_errors('coverage_error_p10', 'customers', 10) }} as range_errors_p10,
        {{ coverage_errors('coverage_error_p50', 'customers', 50) }} as range_errors_p50,
        {{ coverage_errors('coverage_error_p90', 'customers', 90) }} as range_errors_p90
    from expected
),

-- Of the three quantiles the one that is the surest to be off, and whether totals came
-- within the ranges that were said of them.
ranged as (
    select
        *,
        case
            when
                abs(range_errors_p90) >= abs(range_errors_p50)
                and abs(range_errors_p90) >= abs(range_errors_p10) then 90
            when abs(range_errors_p50) >= abs(range_errors_p10) then 50
            when range_errors_p10 is not null then 10
        end as worst_percent,
        abs(change) <= 1.2815515655446e0 * expected_error as is_within_range
    from measured
),

held as (
    select
        *,
        case when actual_spend is not null then count(is_within_range) over ({{ so_far }}) end
            as ranges_judged,
        case
            when actual_spend is not null
                then cast(avg(case
                    when is_within_range then 1
                    when not is_within_range then 0
                end) over ({{ so_far }}) as double)
        end as held_share,
        1 + floor(
            {{ days_between('min(as_of_date) over (' ~ so_far ~ ')', 'as_of_date') }}
            / horizon_days
        ) as independent
    from ranged
),

in_errors as (
    select
        *,
        {{ calibration_errors('change', 'expected_error') }} as errors,
        case worst_percent
            when 90 then coverage_error_p90
            when 50 then coverage_error_p50
            when 10 then coverage_error_p10
        end as worst_coverage_error,
        case worst_percent
            when 90 then range_errors_p90
            when 50 then range_errors_p50
            when 10 then range_errors_p10
        end as range_errors,
        {{ held_errors('held_share', 'independent') }} as held_errors
    from held
),

totals_limits as (
    select * from ({{ alarm_limits() }}) as all_limits
    where check_name = 'forecast_totals'
),

ranges_limits as (
    select * from ({{ alarm_limits() }}) as all_limits
    where check_name = 'forecast_ranges'
),

held_limits as (
    select * from ({{ alarm_limits() }}) as all_limits
    where check_name = 'total_ranges'
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
    in_errors.is_within_range,
    cast(in_errors.ranges_judged as bigint) as ranges_judged,
    in_errors.held_share,
    in_errors.held_errors,
    in_errors.coverage_error_p10,
    in_errors.coverage_error_p50,
    in_errors.coverage_error_p90,
    cast(in_errors.worst_percent as integer) as worst_percent,
    in_errors.worst_coverage_error,
    in_errors.range_errors,
    {{ severity_of('abs(in_errors.change)', 'in_errors.errors', 'totals_limits') }}
        as totals_severity,
    {{ severity_of(
        'abs(in_errors.worst_coverage_error)', 'in_errors.range_errors', 'ranges_limits'
    ) }}
        as ranges_severity,
    {{ severity_of('0.8e0 - in_errors.held_share', 'in_errors.held_errors', 'held_limits') }}
        as held_severity
from in_errors
cross join totals_limits
cross join ranges_limits
cross join held_limits
