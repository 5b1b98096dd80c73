-- One row per origin, horizon, model and measure: how well the model predicted each
-- customer's spend. A measure without a defined value has no row.
{%- set backtest = 'origin_date, horizon_days, model' %}
{%- set by = 'customer_key' %}
{%- set measures_of_customers = [
    'normalised_gini', 'spearman', 'top_decile_capture', 'total_bias', 'mae', 'rmse'
] %}
{%- set measures_of_deciles = ['decile_mape', 'decile_mape_centred', 'decile_wape'] %}
with predictions as (
    select * from {{ ref('backtest_predictions') }}
),

deciles as (
    select * from {{ ref('backtest_deciles') }}
),

coverage as (
    select * from {{ ref('backtest_coverage') }}
),

places as (
    select
        *,
        predicted_spend - actual_spend as error,
        count(*) over (partition by {{ backtest }}) as customers,
        rank() over (
            partition by {{ backtest }} order by predicted_spend desc
        ) as predicted_from_top,
        rank() over (
            partition by {{ backtest }} order by predicted_spend
        ) as predicted_from_bottom,
        {{ centred_rank('predicted_spend', backtest) }} as predicted_rank,
        {{ centred_rank('actual_spend', backtest) }} as actual_rank
    from predictions
),

-- Customers tied at the border of the top decile share the places that are left.
ranks as (
    select
        *,
        least(1, greatest(
            0,
            (customers / 10 - (predicted_from_top - 1))
            / (customers - predicted_from_top - predicted_from_bottom + 2)
        )) as share_in_top_decile
    from places
),

by_customer as (
    select
        {{ backtest }},
        {{ normalised_gini('actual_spend', 'predicted_rank', 'actual_rank', by) }}
            as normalised_gini,
        sum(predicted_rank * actual_rank) / nullif(sqrt(
            sum(predicted_rank * predicted_rank) * sum(actual_rank * actual_rank)
        ), 0) as spearman,
        {{ steady_sum('actual_spend * share_in_top_decile', by) }}
        / nullif({{ steady_sum('actual_spend', by) }}, 0) as top_decile_capture,
        {{ steady_sum('error', by) }}
        / nullif({{ steady_sum('actual_spend', by) }}, 0) as total_bias,
        {{ steady_mean('abs(error)', by) }} as mae,
        sqrt({{ steady_mean('error * error', by) }}) as rmse
    from ranks
    group by {{ backtest }}
),

sized_deciles as (
    select
        *,
        sum(customers * predicted_spend) over (partition by {{ backtest }})
            as predicted_total,
        sum(customers * actual_spend) over (partition by {{ backtest }}) as actual_total
    from deciles
),

-- The relative measures leave out the tenths in which nobody spent anything.
decile_errors as (
    select
        *,
        customers * abs(predicted_spend - actual_spend) as size,
        abs(predicted_spend - actual_spend) / nullif(actual_spend, 0) as relative_size,
        abs(
            predicted_spend / nullif(predicted_total, 0) * actual_total - actual_spend
        ) / nullif(actual_spend, 0) as relative_size_centred
    from sized_deciles
),

by_decile as (
    select
        {{ backtest }},
        {{ steady_mean('relative_size', 'decile') }} as decile_mape,
        {{ steady_mean('relative_size_centred', 'decile') }} as decile_mape_centred,
        {{ steady_sum('size', 'decile') }} / nullif(max(actual_total), 0) as decile_wape
    from decile_errors
    group by {{ backtest }}
),

chance_bins as (
    select
        {{ backtest }},
        least(floor(chance_of_buying * 10), 9) as bin,
        count(*) as customers,
        {{ steady_sum('chance_of_buying', by) }} as buyers_expected,
        sum(case when actual_purchases > 0 then 1 else 0 end) as buyers
    from predictions
    where chance_of_buying is not null
    group by {{ backtest }}, least(floor(chance_of_buying * 10), 9)
),

by_chance as (
    select
        {{ backtest }},
        {{ steady_sum('abs(buyers_expected - buyers)', 'bin') }} / sum(customers)
            as chance_calibration_error
    from chance_bins
    group by {{ backtest }}
),

by_quantile as (
    select
        {{ backtest }},
        concat('coverage_error_p', cast(cast(round(100 * quantile) as integer) as string))
            as measure,
        {{ steady_sum('customers * (actual_share - stated_share)', 'fifth') }}
        / sum(customers) as value
    from coverage
    group by {{ backtest }}, quantile
),

measures as (
    {% for measure in measures_of_customers -%}
    select {{ backtest }}, '{{ measure }}' as measure, {{ measure }} as value
    from by_customer
    union all
    {% endfor -%}
    {% for measure in measures_of_deciles -%}
    select {{ backtest }}, '{{ measure }}' as measure, {{ measure }} as value
    from by_decile
    union all
    {% endfor -%}
    select {{ backtest }}, measure, value
    from by_quantile
    union all
    select
        {{ backtest }},
        'chance_calibration_error' as measure,
        chance_calibration_error as value
    from by_chance
)

select * from measures
where value is not null
