-- One row per customer at the scoring date, if any offer was tried by chance: what the
-- effects of offers on the customer are expected from.
with tried as (
    select count(*) as cases from {{ ref('uplift_cases') }}
)

select
    {{ segment(
        'features.first_purchase_date',
        'features.last_purchase_date',
        'features.frequency',
        'features.as_of_date',
    ) }} as segment,
    cast(predictions.predicted_spend as double) as forecast_spend,
    features.*
from {{ ref('customer_features') }} as features
inner join {{ ref('as_of_dates') }} as dates on features.as_of_date = dates.as_of_date
cross join tried
left join {{ ref('clv_predictions') }} as predictions
    on
        features.customer_key = predictions.customer_key
        and features.as_of_date = predictions.as_of_date
        and predictions.horizon_days = {{ setting('horizons') | min }}
where dates.is_scoring_date and tried.cases > 0
