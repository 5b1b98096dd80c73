-- One row per customer and as-of date by which the customer was seen: what they had
-- looked at by the end of that day.
with seen_days as (
    select
        customer_dates.customer_key,
        customer_dates.as_of_date,
        visits.views,
        visits.carts,
        visits.sessions,
        {{ days_between('visits.activity_date', 'customer_dates.as_of_date') }} as days_before
    from {{ ref('customer_dates') }} as customer_dates
    inner join {{ ref('customer_visits') }} as visits
        on
            customer_dates.customer_key = visits.customer_key
            and customer_dates.as_of_date >= visits.activity_date
)

select
    customer_key,
    as_of_date,
    cast(sum(case when days_before < 30 then views else 0 end) as integer) as views_30d,
    cast(sum(case when days_before < 30 then carts else 0 end) as integer) as carts_30d,
    cast(sum(case when days_before < 30 then sessions else 0 end) as integer)
        as sessions_30d,
    cast(min(days_before) as integer) as days_since_seen
from seen_days
group by customer_key, as_of_date
