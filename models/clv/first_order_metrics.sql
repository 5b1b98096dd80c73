-- One row per past date, horizon and model: how good its forecasts of new customers were,
-- made at their first orders.
{%- set backtest = 'origin_date, horizon_days, model' %}
{%- set by = 'customer_key' %}
with ranks as (
    select
        *,
        {{ centred_rank('expected_spend', backtest) }} as expected_rank,
        {{ centred_rank('actual_spend', backtest) }} as actual_rank
    from {{ ref('first_order_backtest') }}
),

measured as (
    select
        {{ backtest }},
        count(*) as customers,
        {{ steady_mean('expected_spend', by) }} as expected_spend,
        {{ steady_mean('actual_spend', by) }} as actual_spend,
        {{ steady_mean('abs(expected_spend - actual_spend)', by) }} as mae,
        {{ normalised_gini('actual_spend', 'expected_rank', 'actual_rank', by) }}
            as normalised_gini
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
