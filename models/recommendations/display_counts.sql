-- One row per kind of response, segment, product and position: how often the product could
-- have been clicked or bought, and how often it was. The segment is null where nobody knows
-- who looked. Rows of the last year count; of orders, those of the last 91 days.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

segments as (
    select
        customer_key,
        segment
    from {{ ref('customer_profiles') }}
),

events as (
    select
        events.session_id,
        events.customer_key,
        coalesce(events.customer_key, events.session_id) as visitor,
        events.event_type,
        events.product_id,
        events.occurred_at,
        events.occurred_date,
        events.position
    from {{ ref('fct_events') }} as events
    inner join scoring
        on
            events.occurred_date <= scoring.as_of_date
            and events.occurred_date > {{ plus_days('scoring.as_of_date', -365) }}
    where events.product_id is not null
),

views as (
    select * from events
    where event_type = 'view'
),

shown as (
    select
        session_id,
        product_id,
        coalesce(position, 0) as position,
        max(customer_key) as customer_key,
        min(occurred_at) as shown_at
    from events
    where event_type = 'impression' and session_id is not null
    group by session_id, product_id, coalesce(position, 0)
),

-- Where views say from which place of a list they came, only those of the same place are
-- clicks on it. Other shops' views follow the list that they came from.
told as (
    select count(position) > 0 as is_told from views
),

clicked as (
    select
        shown.session_id,
        shown.product_id,
        shown.position,
        shown.customer_key,
        max(case when views.product_id is not null then 1 else 0 end) as clicks
    from shown
    cross join told
    left join views
        on
            shown.session_id = views.session_id
            and shown.product_id = views.product_id
            and shown.shown_at <= views.occurred_at
            and (not told.is_told or coalesce(views.position, 0) = shown.position)
    group by shown.session_id, shown.product_id, shown.position, shown.customer_key
),

-- A view leads to a purchase within a week, so the last week's views are not over yet.
looks as (
    select distinct
        views.visitor,
        views.customer_key,
        views.product_id,
        views.occurred_date
    from views
    inner join scoring
        on views.occurred_date <= {{ plus_days('scoring.as_of_date', -7) }}
    where views.visitor is not null
),

bought as (
    select
        customer_key as visitor,
        product_id,
        purchase_date
    from {{ ref('product_purchases') }}
    where returned_date is null
    union all
    select distinct
        visitor,
        product_id,
        occurred_date as purchase_date
    from events
    where event_type = 'purchase' and customer_key is null
),

looked as (
    select
        looks.visitor,
        looks.customer_key,
        looks.product_id,
        looks.occurred_date,
        max(case when bought.visitor is not null then 1 else 0 end) as purchases
    from looks
    left join bought
        on
            looks.visitor = bought.visitor
            and looks.product_id = bought.product_id
            and looks.occurred_date <= bought.purchase_date
            and {{ plus_days('looks.occurred_date', 7) }} >= bought.purchase_date
    group by looks.visitor, looks.customer_key, looks.product_id, looks.occurred_date
),

lines as (
    select
        lines.order_id,
        lines.product_id,
        lines.customer_key,
        lines.ordered_date
    from {{ ref('fct_order_lines') }} as lines
    inner join scoring on lines.ordered_date <= scoring.as_of_date
    where
        lines.is_sale
        and not lines.is_return
        and lines.product_id is not null
        and lines.quantity > 0
),

sold as (
    select
        segments.segment,
        lines.product_id,
        count(distinct lines.order_id) as orders
    from lines
    inner join scoring
        on lines.ordered_date > {{ plus_days('scoring.as_of_date', -91) }}
    left join segments on lines.customer_key = segments.customer_key
    group by segments.segment, lines.product_id
),

-- A segment has as much of a product's days on sale as it has of the shop's orders: so a
-- rate is orders per day if the whole shop bought like the segment.
parts as (
    select
        segment,
        sum(orders) as orders
    from sold
    group by segment
),

all_parts as (
    select cast(sum(orders) as double) as orders from parts
),

first_sales as (
    select
        product_id,
        min(ordered_date) as first_date
    from lines
    group by product_id
),

history as (
    select min(first_date) as first_date from first_sales
),

-- A product that was never sold and has no day of launch may have been there all along.
days as (
    select
        products.product_id,
        least(
            {{ days_between('coalesce(
                ' ~ shop_date('products.launched_at') ~ ',
                first_sales.first_date,
                history.first_date
            )', 'scoring.as_of_date') }} + 1,
            {{ days_between('history.first_date', 'scoring.as_of_date') }} + 1,
            91
        ) as days
    from {{ ref('dim_products') }} as products
    inner join {{ ref('offered_products') }} as offered
        on products.product_id = offered.product_id and offered.is_offered
    cross join scoring
    cross join history
    left join first_sales on products.product_id = first_sales.product_id
)

-- Places far down are alike, and each of them would only add rows.
select
    'click' as response,
    segments.segment,
    clicked.product_id,
    cast(least(clicked.position, 50) as integer) as position,
    cast(count(*) as double) as chances,
    cast(sum(clicked.clicks) as double) as responses
from clicked
left join segments on clicked.customer_key = segments.customer_key
group by segments.segment, clicked.product_id, least(clicked.position, 50)
union all
select
    'purchase' as response,
    segments.segment,
    looked.product_id,
    0 as position,
    cast(count(*) as double) as chances,
    cast(sum(looked.purchases) as double) as responses
from looked
left join segments on looked.customer_key = segments.customer_key
group by segments.segment, looked.product_id
union all
select
    'order' as response,
    parts.segment,
    days.product_id,
    0 as position,
    greatest(days.days, 1) * parts.orders / all_parts.orders as chances,
    cast(coalesce(sold.orders, 0) as double) as responses
from days
cross join parts
cross join all_parts
left join sold
    on
        days.product_id = sold.product_id
        and coalesce(parts.segment, '') = coalesce(sold.segment, '')
