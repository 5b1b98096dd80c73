-- One row per customer and as-of date on which the customer is known, by a first
-- purchase. All customers at the scoring date; a fixed sample of them at past origins.
with first_purchases as (
    select
        days.customer_key,
        days.activity_date as first_purchase_date,
        points.sample_point
    from {{ ref('customer_days') }} as days
    left join {{ ref('stg_sample_points') }} as points
        on days.customer_key = points.customer_key
    where days.is_first_purchase
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
