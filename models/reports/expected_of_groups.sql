-- One row per horizon, segment, country and channel: the spend that is expected of the
-- customers up to the horizon, and since the horizon before it.
with shop as (
    select * from {{ ref('shop') }}
),

predictions as (
    select * from {{ ref('clv_predictions') }}
),

customer_groups as (
    select * from {{ ref('customer_groups') }}
),

totals as (
    select
        *,
        nullif(cast(expected_spend as double), 0) as expected_total
    from {{ ref('expected_totals') }}
),

expected as (
    select
        predictions.horizon_days,
        customer_groups.segment,
        customer_groups.country,
        customer_groups.acquisition_channel,
        count(*) as customers,
        sum(predictions.predicted_spend) as expected_spend
    from predictions
    inner join customer_groups
        on predictions.customer_key = customer_groups.customer_key
    group by
        predictions.horizon_days,
        customer_groups.segment,
        customer_groups.country,
        customer_groups.acquisition_channel
),

with_previous as (
    select
        *,
        coalesce(
            lag(horizon_days) over (
                partition by segment, country, acquisition_channel
                order by horizon_days
            ),
            0
        ) as previous_days,
        coalesce(
            lag(expected_spend) over (
                partition by segment, country, acquisition_channel
                order by horizon_days
            ),
            0
        ) as previous_spend
    from expected
),

expected_of_groups as (
    select
        with_previous.horizon_days,
        with_previous.segment,
        with_previous.country,
        with_previous.acquisition_channel,
        cast(with_previous.customers as bigint) as customers,
        cast(with_previous.previous_days + 1 as integer) as first_day,
        {{ plus_days('shop.as_of_date', 'with_previous.previous_days + 1') }}
            as first_date,
        {{ plus_days('shop.as_of_date', 'with_previous.horizon_days') }} as last_date,
        cast(with_previous.expected_spend as decimal(38, 2)) as expected_spend,
        cast(
            with_previous.expected_spend - with_previous.previous_spend
            as decimal(38, 2)
        ) as step_spend,
        cast(totals.low_spend as double) / totals.expected_total as low_factor,
        cast(totals.high_spend as double) / totals.expected_total as high_factor,
        totals.past_forecasts,
        totals.past_errors
    from with_previous
    cross join shop
    left join totals on with_previous.horizon_days = totals.horizon_days
)

select * from expected_of_groups
