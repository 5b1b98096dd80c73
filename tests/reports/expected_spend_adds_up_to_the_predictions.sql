-- At every horizon the groups add up to clv_predictions, the steps up to a horizon add
-- up to it, and the months add up to the longest horizon: all to the cent.
{{ config(enabled=setting('smallest_group') == 1) }}
with predictions as (
    select
        horizon_days,
        sum(predicted_spend) as expected_spend
    from {{ ref('clv_predictions') }}
    group by horizon_days
),

horizons as (
    select
        horizon_days,
        sum(expected_spend) as expected_spend,
        sum(step_spend) as step_spend
    from {{ ref('expected_by_horizon') }}
    group by horizon_days
),

steps as (
    select
        horizon_days,
        expected_spend,
        sum(step_spend) over (order by horizon_days) as steps_so_far
    from horizons
),

longest as (
    select max(expected_spend) as expected_spend from predictions
),

months as (
    select sum(expected_spend) as expected_spend from {{ ref('expected_by_month') }}
    union all
    select sum(expected_spend) as expected_spend from {{ ref('months_ahead') }}
    where kind = 'known_customers'
)

select
    predictions.horizon_days,
    predictions.expected_spend,
    steps.expected_spend as shown_spend,
    steps.steps_so_far
from predictions
left join steps on predictions.horizon_days = steps.horizon_days
where
    steps.expected_spend is null
    or steps.expected_spend <> predictions.expected_spend
    or steps.steps_so_far <> predictions.expected_spend
union all
select
    null as horizon_days,
    longest.expected_spend,
    months.expected_spend as shown_spend,
    null as steps_so_far
from longest
cross join months
where months.expected_spend <> longest.expected_spend
