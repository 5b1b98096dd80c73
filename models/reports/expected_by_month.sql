-- One row per month, segment, country and channel: the spend that is expected of the
-- customers. What is expected between two horizons is spread evenly over the days
-- between them.
with expected_by_horizon as (
    select * from {{ ref('expected_by_horizon') }}
),

steps as (
    select distinct
        horizon_days,
        first_day,
        first_date,
        last_date
    from expected_by_horizon
),

step_days as (
    select
        horizon_days,
        horizon_days - first_day + 1 as step_length,
        {{ each_day('first_date', 'last_date') }} as day
    from steps
),

step_months as (
    select
        horizon_days,
        step_length,
        cast(date_trunc('month', day) as date) as month,
        count(*) as days
    from step_days
    group by horizon_days, step_length, cast(date_trunc('month', day) as date)
),

parts as (
    select
        step_months.month,
        expected_by_horizon.segment,
        expected_by_horizon.country,
        expected_by_horizon.acquisition_channel,
        step_months.horizon_days,
        step_months.days,
        cast(expected_by_horizon.step_spend as double)
        * step_months.days / step_months.step_length as expected_spend
    from step_months
    inner join expected_by_horizon
        on step_months.horizon_days = expected_by_horizon.horizon_days
),

expected_by_month as (
    select
        month,
        segment,
        country,
        acquisition_channel,
        cast(sum(days) as integer) as days,
        {{ steady_sum('expected_spend', 'horizon_days') }} as expected_spend
    from parts
    group by month, segment, country, acquisition_channel
)

select * from expected_by_month
