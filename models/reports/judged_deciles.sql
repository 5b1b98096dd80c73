-- One row per horizon and tenth of customers by prediction: what the model of today's
-- scores predicted at the newest origin that the backtest judged, and what came.
with shop as (
    select * from {{ ref('shop') }}
),

deciles as (
    select
        *,
        max(origin_date) over (partition by model, horizon_days) as newest_origin_date
    from {{ ref('backtest_deciles') }}
),

judged_deciles as (
    select
        deciles.horizon_days,
        deciles.decile,
        deciles.origin_date,
        deciles.customers,
        deciles.predicted_spend,
        deciles.actual_spend
    from deciles
    inner join shop on deciles.model = shop.scoring_model
    where deciles.origin_date = deciles.newest_origin_date
)

select * from judged_deciles
