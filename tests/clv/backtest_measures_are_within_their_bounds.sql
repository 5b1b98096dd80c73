-- No measure can lie outside its bounds, whatever the model; predictions are not
-- negative, so no model can miss the total by more than all of it.
with bounds as (
    select 'normalised_gini' as measure, -1 as lowest, 1 as highest
    union all
    select 'spearman' as measure, -1 as lowest, 1 as highest
    union all
    select 'top_decile_capture' as measure, 0 as lowest, 1 as highest
    union all
    select 'coverage_error_p10' as measure, -1 as lowest, 1 as highest
    union all
    select 'coverage_error_p50' as measure, -1 as lowest, 1 as highest
    union all
    select 'coverage_error_p90' as measure, -1 as lowest, 1 as highest
    union all
    select 'chance_calibration_error' as measure, 0 as lowest, 1 as highest
    union all
    select 'total_bias' as measure, -1 as lowest, 1e300 as highest
    union all
    select 'decile_mape' as measure, 0 as lowest, 1e300 as highest
    union all
    select 'decile_mape_centred' as measure, 0 as lowest, 1e300 as highest
    union all
    select 'decile_wape' as measure, 0 as lowest, 1e300 as highest
    union all
    select 'mae' as measure, 0 as lowest, 1e300 as highest
    union all
    select 'rmse' as measure, 0 as lowest, 1e300 as highest
)

select metrics.*
from {{ ref('backtest_metrics') }} as metrics
inner join bounds on metrics.measure = bounds.measure
where not (
    metrics.value >= bounds.lowest - 1e-9 and metrics.value <= bounds.highest + 1e-9
)
