-- A model that predicts zero for everybody has a Gini of zero, misses the whole total,
-- and has the mean spend as its mean error.
with expected as (
    select 'normalised_gini' as measure, 0.0 as value
    union all
    select 'top_decile_capture' as measure, 0.1 as value
    union all
    select 'total_bias' as measure, -1.0 as value
    union all
    select 'decile_mape' as measure, 1.0 as value
    union all
    select 'decile_wape' as measure, 1.0 as value
)

select metrics.*
from {{ ref('backtest_metrics') }} as metrics
left join expected on metrics.measure = expected.measure
where
    metrics.model = 'zero'
    and (
        metrics.measure = 'spearman'
        or abs(metrics.value - expected.value) > 1e-9
    )
