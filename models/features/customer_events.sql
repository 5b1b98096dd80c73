-- One row per customer and day on which anything of theirs happened, up to the scoring
-- date: they bought or returned something, browsed, searched or wrote a review, or a
-- campaign reached them. The newest days of each customer only.
{%- set most_bought, most_viewed = 60, 20 %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

money as (
    select * from {{ ref('customer_days') }}
),

visits as (
    select * from {{ ref('customer_visits') }}
),

reviews as (
    select * from {{ ref('customer_reviews') }}
),

contacts as (
    select * from {{ ref('customer_contacts') }}
),

happened as (
    select
        customer_key,
        activity_date
    from money
    union
    select
        customer_key,
        activity_date
    from visits
    union
    select
        customer_key,
        activity_date
    from reviews
    union
    select
        customer_key,
        activity_date
    from contacts
),

in_order as (
    select
        happened.customer_key,
        happened.activity_date,
        row_number() over newest_first as place_from_last,
        lead(happened.activity_date) over newest_first as previous_date
    from happened
    inner join scoring on happened.activity_date <= scoring.as_of_date
    window newest_first as (
        partition by happened.customer_key order by happened.activity_date desc
    )
),

days as (
    select * from in_order
    where place_from_last <= {{ setting('event_days') }}
),

-- What went back on its own day was not bought, and later returns are later days' events.
bought as (
    select
        customer_key,
        purchase_date as activity_date,
        count(*) as products,
        {{ first_values('product_id', ['0 - amount', 'product_id'], most_bought, 'true') }}
            as product_ids
    from {{ ref('product_purchases') }}
    where returned_date is null or returned_date > purchase_date
    group by customer_key, purchase_date
),

looks as (
    select
        customer_key,
        occurred_date as activity_date,
        product_id,
        count(case when event_type = 'search' then 1 end) as searches,
        count(case when event_type <> 'search' then 1 end) as looks
    from {{ ref('fct_events') }}
    where customer_key is not null and event_type in ('view', 'cart', 'search')
    group by customer_key, occurred_date, product_id
),

browsed as (
    select
        customer_key,
        activity_date,
        sum(searches) as searches,
        {{ first_values(
            'product_id', ['0 - looks', 'product_id'], most_viewed,
            'looks > 0 and product_id is not null'
        ) }} as viewed_product_ids
    from looks
    group by customer_key, activity_date
),

-- Of the day's orders the first that says where it came from.
channels as (
    select
        customer_key,
        ordered_date as activity_date,
        {{ first_values('sales_channel', ['ordered_at', 'order_id'], 1, 'true') }}
            as first_channel
    from {{ ref('fct_orders') }}
    where customer_key is not null and is_sale and sales_channel is not null
    group by customer_key, ordered_date
)

select
    days.customer_key,
    days.activity_date,
    cast({{ days_between('days.previous_date', 'days.activity_date') }} as integer)
        as gap_days,
    coalesce(money.is_purchase, false) as is_purchase,
    cast(coalesce(money.orders, 0) as integer) as orders,
    cast(coalesce(money.items, 0) as double) as items,
    cast(coalesce(money.purchase_amount, 0) as double) as amount,
    cast(coalesce(money.returned_amount, 0) as double) as returned_amount,
    cast(coalesce(money.net_amount, 0) as double) as net_amount,
    cast(coalesce(bought.products, 0) as integer) as products,
    coalesce(bought.product_ids, {{ no_texts() }}) as product_ids,
    {{ element('channels.first_channel', 1) }} as channel,
    cast(coalesce(visits.sessions, 0) as integer) as sessions,
    cast(coalesce(visits.views, 0) as integer) as views,
    cast(coalesce(visits.carts, 0) as integer) as carts,
    cast(coalesce(browsed.searches, 0) as integer) as searches,
    coalesce(browsed.viewed_product_ids, {{ no_texts() }}) as viewed_product_ids,
    cast(coalesce(reviews.reviews, 0) as integer) as reviews,
    cast(coalesce(reviews.rating_last, 0) as integer) as rating,
    cast(coalesce(contacts.contacts, 0) as integer) as contacts
from days
left join money
    on
        days.customer_key = money.customer_key
        and days.activity_date = money.activity_date
left join bought
    on
        days.customer_key = bought.customer_key
        and days.activity_date = bought.activity_date
left join channels
    on
        days.customer_key = channels.customer_key
        and days.activity_date = channels.activity_date
left join visits
    on
        days.customer_key = visits.customer_key
        and days.activity_date = visits.activity_date
left join browsed
    on
        days.customer_key = browsed.customer_key
        and days.activity_date = browsed.activity_date
left join reviews
    on
        days.customer_key = reviews.customer_key
        and days.activity_date = reviews.activity_date
left join contacts
    on
        days.customer_key = contacts.customer_key
        and days.activity_date = contacts.activity_date
