-- One row per horizon: the total that is expected of all customers, and the range in
-- which it lies in four of five cases, by how far off past totals were.
with predictions as (
    select * from {{ ref('clv_predictions') }}
),

past as (
    select
        *,
        row_number() over (
            partition by horizon_days order by origin_date desc
        ) as place
    from {{ ref('past_totals') }}
),

totals as (
    select
        as_of_date,
        horizon_days,
        count(*) as customers,
        sum(predicted_spend) as expected_spend
    from predictions
    group by as_of_date, horizon_days
),

newest as (
    select * from past
    where place = 1
),

-- Each past interval rests on the errors that were known at its origin.
errors as (
    select
        horizon_days,
        {{ days_between('min(origin_date)', 'max(origin_date)') }} as days,
        exp(min(log_error)) - 1 as lowest_error,
        exp(max(log_error)) - 1 as highest_error,
        cast(
            avg(case when abs(log_error) <= log_half_width then 1 else 0 end) as double
        ) as held_share
    from past
    where log_error is not null
    group by horizon_days
),

ranges as (
    select
        totals.as_of_date,
        totals.horizon_days,
        totals.customers,
        totals.expected_spend,
        totals.expected_spend / exp(newest.log_half_width) as low_spend,
        totals.expected_spend * exp(newest.log_half_width) as high_spend,
        coalesce(newest.known_forecasts, 0) as past_forecasts,
        errors.lowest_error,
        errors.highest_error,
        errors.held_share,
        -- Forecasts whose horizons overlap all saw the same months.
        coalesce(errors.days >= totals.horizon_days, false) as is_told_apart
    from totals
    left join newest on totals.horizon_days = newest.horizon_days
    left join errors on totals.horizon_days = errors.horizon_days
),

expected_totals as (
    select
        as_of_date,
        cast(horizon_days as integer) as horizon_days,
        cast(customers as bigint) as customers,
        cast(expected_spend as decimal(38, 2)) as expected_spend,
        cast({{ rounded('low_spend', 2) }} as decimal(38, 2)) as low_spend,
        cast({{ rounded('high_spend', 2) }} as decimal(38, 2)) as high_spend,
        cast(past_forecasts as integer) as past_forecasts,
        lowest_error,
        highest_error,
        held_share,
        case
            when is_told_apart and lowest_error > 0 then 'always too high'
            when is_told_apart and highest_error < 0 then 'always too low'
            when past_forecasts > 0 then 'too high and too low'
            else 'not known yet'
        end as past_errors
    from ranges
)

select * from expected_totals
