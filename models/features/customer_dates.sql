-- One row per customer and as-of date on which the customer is known, by a first
-- purchase. All customers at the scoring date; a fixed sample of them at past origins.
with first_purchases as (
    select
        customer_key,
        activity_date as first_purchase_date,
        {{ sample_point('customer_key') }} as sample_point
    from {{ ref('customer_days') }}
    where is_first_purchase
),

dates as (
    select * from {{ ref('as_of_dates') }}
)

select
    first_purchases.customer_key,
    dates.as_of_date,
    dates.is_scoring_date
from first_purchases
inner join dates on first_purchases.first_purchase_date <= dates.as_of_date
where
    dates.is_scoring_date
    or first_purchases.sample_point < dates.sampled_share
