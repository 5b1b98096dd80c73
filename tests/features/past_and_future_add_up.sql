-- Spend up to an origin and spend after it add up to all spend up to the scoring date,
-- for customers whose later spend is not negative.
with scoring as (
    select customer_key, as_of_date, past_spend, frequency
    from {{ ref('customer_features') }}
    where as_of_date = (
        select max(as_of_date) from {{ ref('as_of_dates') }}
        where is_scoring_date
    )
),

judged as (
    select
        targets.customer_key,
        targets.as_of_date,
        targets.spend,
        targets.purchases,
        features.past_spend,
        features.frequency
    from {{ ref('customer_targets') }} as targets
    inner join {{ ref('customer_features') }} as features
        on
            targets.customer_key = features.customer_key
            and targets.as_of_date = features.as_of_date
    inner join {{ ref('as_of_dates') }} as dates on dates.is_scoring_date
    where {{ plus_days('targets.as_of_date', 'targets.horizon_days') }} = dates.as_of_date
)

select
    judged.*,
    scoring.past_spend as all_spend,
    scoring.frequency as all_purchases
from judged
inner join scoring on judged.customer_key = scoring.customer_key
where
    judged.frequency + judged.purchases != scoring.frequency
    or abs(
        judged.spend - greatest(scoring.past_spend - judged.past_spend, 0)
    ) > greatest(0.00001, 1e-12 * abs(scoring.past_spend))
