-- Every customer with a purchase up to the scoring date has features as of it.
with buyers as (
    select distinct days.customer_key
    from {{ ref('customer_days') }} as days
    inner join {{ ref('as_of_dates') }} as dates
        on dates.is_scoring_date and days.activity_date <= dates.as_of_date
    where days.is_purchase
),

scored as (
    select features.customer_key
    from {{ ref('customer_features') }} as features
    inner join {{ ref('as_of_dates') }} as dates
        on dates.is_scoring_date and features.as_of_date = dates.as_of_date
)

select coalesce(buyers.customer_key, scored.customer_key) as customer_key
from buyers
full outer join scored on buyers.customer_key = scored.customer_key
where buyers.customer_key is null or scored.customer_key is null
