-- The tenths of a backtest together hold all its customers, predictions and spend.
with predictions as (
    select
        origin_date,
        horizon_days,
        model,
        count(*) as customers,
        sum(predicted_spend) as predicted_spend,
        sum(actual_spend) as actual_spend
    from {{ ref('backtest_predictions') }}
    group by origin_date, horizon_days, model
),

deciles as (
    select
        origin_date,
        horizon_days,
        model,
        sum(customers) as customers,
        sum(customers * predicted_spend) as predicted_spend,
        sum(customers * actual_spend) as actual_spend
    from {{ ref('backtest_deciles') }}
    group by origin_date, horizon_days, model
)

select
    predictions.*,
    deciles.customers as customers_in_deciles,
    deciles.predicted_spend as predicted_in_deciles,
    deciles.actual_spend as actual_in_deciles
from predictions
left join deciles
    on
        predictions.origin_date = deciles.origin_date
        and predictions.horizon_days = deciles.horizon_days
        and predictions.model = deciles.model
where
    deciles.customers is null
    or predictions.customers <> deciles.customers
    or abs(predictions.predicted_spend - deciles.predicted_spend)
    > 1e-9 * abs(predictions.predicted_spend)
    or abs(predictions.actual_spend - deciles.actual_spend)
    > 1e-9 * predictions.actual_spend
