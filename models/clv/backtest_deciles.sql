-- One row per origin, horizon, model and tenth of the customers, the tenth with the
-- highest predictions first: mean prediction and mean spend.
with predictions as (
    select * from {{ ref('backtest_predictions') }}
),

-- A hash of the key puts equal predictions in order. The key itself would not do,
-- because shops often number customers in the order in which they came.
ordered as (
    select
        *,
        ntile(10) over (
            partition by origin_date, horizon_days, model
            order by predicted_spend desc, md5(customer_key) asc
        ) as decile
    from predictions
),

deciles as (
    select
        origin_date,
        horizon_days,
        model,
        decile,
        count(*) as customers,
        {{ steady_mean('predicted_spend', 'customer_key') }} as predicted_spend,
        {{ steady_mean('actual_spend', 'customer_key') }} as actual_spend,
        {{ steady_sum('actual_spend', 'customer_key') }} as actual_total
    from ordered
    group by origin_date, horizon_days, model, decile
),

totals as (
    select
        *,
        sum(actual_total) over (
            partition by origin_date, horizon_days, model order by decile
            rows between unbounded preceding and unbounded following
        ) as total,
        sum(actual_total) over (
            partition by origin_date, horizon_days, model order by decile
        ) as total_so_far
    from deciles
),

shares as (
    select
        origin_date,
        horizon_days,
        model,
        cast(decile as integer) as decile,
        cast(customers as bigint) as customers,
        predicted_spend,
        actual_spend,
        actual_total / nullif(total, 0) as actual_share,
        total_so_far / nullif(total, 0) as cumulative_actual_share
    from totals
)

select * from shares
