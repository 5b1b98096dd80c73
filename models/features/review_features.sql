-- One row per row of customer_dates: what the customer had said in reviews by the end
-- of that day.
with history as (
    select
        customer_dates.customer_key,
        customer_dates.as_of_date,
        review_days.activity_date,
        review_days.reviews,
        review_days.rating_sum,
        review_days.rating_last
    from {{ ref('customer_dates') }} as customer_dates
    left join {{ ref('customer_reviews') }} as review_days
        on
            customer_dates.customer_key = review_days.customer_key
            and customer_dates.as_of_date >= review_days.activity_date
)

select
    customer_key,
    as_of_date,
    cast(coalesce(sum(reviews), 0) as integer) as reviews,
    cast(sum(rating_sum) as double) / sum(reviews) as rating_mean,
    max_by(rating_last, activity_date) as rating_last
from history
group by customer_key, as_of_date
