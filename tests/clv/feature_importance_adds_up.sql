-- Shares add up to one. Signed means over all customers add up to the mean prediction
-- less the baseline.
with features as (
    select
        sum(share) as share,
        sum(mean_contribution) as mean_contribution,
        max(customers) as customers
    from {{ ref('feature_importance') }}
),

baseline as (
    select max(contribution) as baseline
    from {{ ref('clv_explanations') }}
    where reason = 'baseline'
),

predictions as (
    select
        count(*) as customers,
        avg(predicted_spend) as predicted_spend
    from {{ ref('clv_predictions') }}
    where is_longest_horizon
)

select
    features.share,
    features.mean_contribution,
    baseline.baseline,
    predictions.predicted_spend
from features
cross join baseline
cross join predictions
where
    (features.mean_contribution <> 0 and abs(features.share - 1) > 1e-9)
    or (
        features.customers = predictions.customers
        and abs(
            baseline.baseline + features.mean_contribution - predictions.predicted_spend
        ) > greatest(0.01, 1e-9 * abs(predictions.predicted_spend))
    )
