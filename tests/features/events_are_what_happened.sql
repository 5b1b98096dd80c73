-- Within the newest days of each customer, the purchases, products and looks of
-- customer_events are those of the tables that it joins, each counted once.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

events as (
    select
        customer_key,
        min(activity_date) as first_date,
        count(*) as days,
        sum(case when is_purchase then 1 else 0 end) as purchases,
        sum(orders) as orders,
        sum(products) as products,
        sum(views) as views,
        sum(reviews) as reviews,
        sum(contacts) as contacts
    from {{ ref('customer_events') }}
    group by customer_key
),

parts as (
    select
        customer_key,
        activity_date,
        case when is_purchase then 1 else 0 end as purchases,
        orders,
        0 as products,
        0 as views,
        0 as reviews,
        0 as contacts
    from {{ ref('customer_days') }}
    union all
    select
        purchases.customer_key,
        purchases.purchase_date as activity_date,
        0 as purchases,
        0 as orders,
        case
            when coalesce(purchases.returned_date > purchases.purchase_date, true) then 1
            else 0
        end as products,
        0 as views,
        0 as reviews,
        0 as contacts
    from {{ ref('product_purchases') }} as purchases
    union all
    select
        customer_key,
        activity_date,
        0 as purchases,
        0 as orders,
        0 as products,
        views,
        0 as reviews,
        0 as contacts
    from {{ ref('customer_visits') }}
    union all
    select
        customer_key,
        activity_date,
        0 as purchases,
        0 as orders,
        0 as products,
        0 as views,
        reviews,
        0 as contacts
    from {{ ref('customer_reviews') }}
    union all
    select
        customer_key,
        activity_date,
        0 as purchases,
        0 as orders,
        0 as products,
        0 as views,
        0 as reviews,
        contacts
    from {{ ref('customer_contacts') }}
),

happened as (
    select
        parts.customer_key,
        count(distinct parts.activity_date) as days,
        sum(parts.purchases) as purchases,
        sum(parts.orders) as orders,
        sum(parts.products) as products,
        sum(parts.views) as views,
        sum(parts.reviews) as reviews,
        sum(parts.contacts) as contacts
    from parts
    inner join scoring on parts.activity_date <= scoring.as_of_date
    left join events on parts.customer_key = events.customer_key
    where events.first_date is null or parts.activity_date >= events.first_date
    group by parts.customer_key
)

select coalesce(events.customer_key, happened.customer_key) as customer_key
from events
full outer join happened on events.customer_key = happened.customer_key
where
    coalesce(events.days, 0) != coalesce(happened.days, 0)
    or coalesce(events.purchases, 0) != coalesce(happened.purchases, 0)
    or coalesce(events.orders, 0) != coalesce(happened.orders, 0)
    or coalesce(events.products, 0) != coalesce(happened.products, 0)
    or coalesce(events.views, 0) != coalesce(happened.views, 0)
    or coalesce(events.reviews, 0) != coalesce(happened.reviews, 0)
    or coalesce(events.contacts, 0) != coalesce(happened.contacts, 0)
