-- One row per origin and horizon that the backtest judged: the total spend that the
-- model of today's scores predicted at the origin, and what customers spent.
with shop as (
    select * from {{ ref('shop') }}
),

deciles as (
    select * from {{ ref('backtest_deciles') }}
),

totals as (
    select
        deciles.origin_date,
        deciles.horizon_days,
        deciles.model,
        cast(sum(deciles.customers) as bigint) as customers,
        {{ steady_sum('deciles.customers * deciles.predicted_spend', 'deciles.decile') }}
            as predicted_spend,
        {{ steady_sum('deciles.customers * deciles.actual_spend', 'deciles.decile') }}
            as actual_spend
    from deciles
    inner join shop on deciles.model = shop.scoring_model
    group by deciles.origin_date, deciles.horizon_days, deciles.model
),

judged_forecasts as (
    select
        *,
        predicted_spend / nullif(actual_spend, 0) - 1 as total_bias
    from totals
)

select * from judged_forecasts
