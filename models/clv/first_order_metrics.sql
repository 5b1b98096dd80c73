-- One row per past date, horizon and model: how good its forecasts of new customers were,
-- made at their first orders.
{%- set backtest = 'origin_date, horizon_days, model' %}
{%- set by = 'customer_key' %}
with ranks as (
    select
        *,
        -- Tied customers share the mean of their places, and ranks count from the middle.
        (
            rank() over (partition by {{ backtest }} order by expected_spend)
            - rank() over (partition by {{ backtest }} order by expected_spend desc)
        ) / 2 as expected_rank,
        (
            rank() over (partition by {{ backtest }} order by actual_spend)
            - rank() over (partition by {{ backtest }} order by actual_spend desc)
        ) / 2 as actual_rank
    from {{ ref('first_order_backtest') }}
),

measured as (
    select
        {{ backtest }},
        count(*) as customers,
        {{ steady_mean('expected_spend', by) }} as expected_spend,
        {{ steady_mean('actual_spend', by) }} as actual_spend,
        {{ steady_mean('abs(expected_spend - actual_spend)', by) }} as mae,
        {{ steady_sum('actual_spend * expected_rank', by) }}
        / nullif({{ steady_sum('actual_spend * actual_rank', by) }}, 0) as normalised_gini
    from ranks
    group by {{ backtest }}
)

select
    origin_date,
    cast(horizon_days as integer) as horizon_days,
    model,
    cast(customers as bigint) as customers,
    expected_spend,
    actual_spend,
    expected_spend / nullif(actual_spend, 0) - 1 as total_bias,
    mae,
    normalised_gini
from measured
