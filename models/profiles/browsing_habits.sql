-- One row per customer who was seen browsing up to the scoring date: how much they look
-- at before they order, and how often a filled cart is left behind.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

visits as (
    select customer_visits.*
    from {{ ref('customer_visits') }} as customer_visits
    inner join scoring on customer_visits.activity_date <= scoring.as_of_date
),

-- Orders from before the shop recorded any event say nothing about browsing.
recorded as (
    select min(activity_date) as first_date from visits
),

purchases as (
    select
        days.customer_key,
        days.activity_date,
        days.orders
    from {{ ref('customer_days') }} as days
    inner join scoring on days.activity_date <= scoring.as_of_date
    inner join recorded on days.activity_date >= recorded.first_date
    where days.is_purchase
),

ordered as (
    select
        customer_key,
        sum(orders) as orders
    from purchases
    group by customer_key
),

-- A cart is left behind where its day and the next bring no purchase.
seen as (
    select
        visits.customer_key,
        sum(visits.views) as views,
        max(visits.activity_date) as last_seen_date,
        count(case when visits.carts > 0 then 1 end) as cart_days,
        count(
            case
                when
                    visits.carts > 0
                    and same_day.customer_key is null
                    and next_day.customer_key is null
                    then 1
            end
        ) as left_days
    from visits
    left join purchases as same_day
        on
            visits.customer_key = same_day.customer_key
            and visits.activity_date = same_day.activity_date
    left join purchases as next_day
        on
            visits.customer_key = next_day.customer_key
            and {{ plus_days('visits.activity_date', 1) }} = next_day.activity_date
    group by visits.customer_key
),

shop as (
    select cast(sum(left_days) as double) / nullif(sum(cart_days), 0) as left_share
    from seen
)

select
    seen.customer_key,
    seen.last_seen_date,
    cast(seen.views as double) / ordered.orders as views_per_order,
    case
        when seen.cart_days > 0
            then (seen.left_days + 3 * shop.left_share) / (seen.cart_days + 3)
    end as cart_abandonment
from seen
cross join shop
left join ordered on seen.customer_key = ordered.customer_key
