-- One row per customer and day on which they wrote at least one review.
with reviews as (
    select
        *,
        row_number() over (
            partition by customer_key, written_date
            order by written_at desc, review_id desc
        ) as place_from_last
    from {{ ref('fct_reviews') }}
    where customer_key is not null
)

select
    customer_key,
    written_date as activity_date,
    cast(count(*) as integer) as reviews,
    cast(sum(rating) as integer) as rating_sum,
    max(case when place_from_last = 1 then rating end) as rating_last
from reviews
group by customer_key, written_date
