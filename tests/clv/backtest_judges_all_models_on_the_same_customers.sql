-- At an origin and horizon every model predicts every customer once, and all models are
-- compared with the same spend.
with models as (
    select
        origin_date,
        horizon_days,
        count(distinct model) as models
    from {{ ref('backtest_predictions') }}
    group by origin_date, horizon_days
),

judged as (
    select
        origin_date,
        horizon_days,
        customer_key,
        count(*) as predictions,
        count(distinct model) as models,
        max(actual_spend) - min(actual_spend) as spend_difference,
        max(actual_purchases) - min(actual_purchases) as purchases_difference
    from {{ ref('backtest_predictions') }}
    group by origin_date, horizon_days, customer_key
)

select judged.*
from judged
inner join models
    on
        judged.origin_date = models.origin_date
        and judged.horizon_days = models.horizon_days
where
    judged.predictions <> models.models
    or judged.models <> models.models
    or judged.spend_difference <> 0
    or judged.purchases_difference <> 0
