-- One row per customer and as-of date by which the customer had written a review: what
-- their reviews had said by the end of that day.
select
    customer_dates.customer_key,
    customer_dates.as_of_date,
    cast(sum(review_days.reviews) as integer) as reviews,
    cast(sum(review_days.rating_sum) as double) / sum(review_days.reviews) as rating_mean,
    max_by(review_days.rating_last, review_days.activity_date) as rating_last
from {{ ref('customer_dates') }} as customer_dates
inner join {{ ref('customer_reviews') }} as review_days
    on
        customer_dates.customer_key = review_days.customer_key
        and customer_dates.as_of_date >= review_days.activity_date
group by customer_dates.customer_key, customer_dates.as_of_date
