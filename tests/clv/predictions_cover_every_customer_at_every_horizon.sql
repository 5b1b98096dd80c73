-- Each horizon of clv_predictions has as many customers as are known at the scoring
-- date. If any customer is known, there are predictions.
with known as (
    select count(features.customer_key) as customers
    from {{ ref('customer_features') }} as features
    inner join {{ ref('as_of_dates') }} as dates
        on features.as_of_date = dates.as_of_date
    where dates.is_scoring_date
),

predicted as (
    select
        horizon_days,
        count(*) as customers
    from {{ ref('clv_predictions') }}
    group by horizon_days
)

select
    predicted.horizon_days,
    predicted.customers,
    known.customers as known_customers
from known
left join predicted on known.customers >= 0
where known.customers <> coalesce(predicted.customers, 0)
