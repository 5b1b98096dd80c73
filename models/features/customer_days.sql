{{ reloaded('activity_date', key='customer_key') }}
{%- set since = reload_from('activity_date') %}
{%- set is_active = 'true' if not since
    else 'customer_key in (select customer_key from active_customers)' %}
-- One row per customer and day on which they bought or returned something. A purchase
-- that is undone on its own day does not count. Later events never change a past day,
-- so all features and targets can be sums over these rows.
with {% if since -%}
active_customers as (
    select customer_key
    from {{ ref('fct_orders') }}
    where {{ is_unsettled('ordered_date', since) }}
    union
    select customer_key
    from {{ ref('fct_refunds') }}
    where {{ is_unsettled('refunded_date', since) }}
),

{% endif -%}
orders as (
    select * from {{ ref('fct_orders') }}
    where
        customer_key is not null
        and is_sale
        and {{ is_active }}
),

refunds as (
    select * from {{ ref('fct_refunds') }}
    where
        customer_key is not null
        and spend_amount > 0
        and {{ is_active }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
    where
        customer_key is not null
        and is_sale
        and quantity > 0
        and line_type = 'product'
        and {{ is_active }}
),

-- What came back on its own day was not bought: whole orders, and lines of which all
-- pieces came back.
undone_orders as (
    select order_id from orders
    where undone_amount > 0 and undone_amount = sold_amount
),

undone_lines as (
    select
        undone_order_id as order_id,
        undone_line_number as line_number
    from {{ ref('matched_returns') }}
    where is_same_day
    group by undone_order_id, undone_line_number
    having sum(quantity) = max(sold_quantity)
),

first_bought as (
    select
        lines.customer_key,
        lines.product_id,
        min(lines.ordered_date) as activity_date
    from lines
    left join undone_orders on lines.order_id = undone_orders.order_id
    left join undone_lines
        on
            lines.order_id = undone_lines.order_id
            and lines.line_number = undone_lines.line_number
    where undone_orders.order_id is null and undone_lines.order_id is null
    group by lines.customer_key, lines.product_id
),

new_products as (
    select
        customer_key,
        activity_date,
        count(*) as new_products
    from first_bought
    group by customer_key, activity_date
),

order_days as (
    select
        customer_key,
        ordered_date as activity_date,
        sum(case when sold_amount > undone_amount then 1 else 0 end) as orders,
        sum(items) as items,
        sum(sold_amount - undone_amount) as purchase_amount,
        sum(amount) as net_amount
    from orders
    group by customer_key, ordered_date
),

refund_days as (
    select
        customer_key,
        refunded_date as activity_date,
        sum(spend_amount) as refunded_amount
    from refunds
    group by customer_key, refunded_date
),

money_days as (
    select
        coalesce(order_days.customer_key, refund_days.customer_key) as customer_key,
        coalesce(order_days.activity_date, refund_days.activity_date) as activity_date,
        coalesce(order_days.orders, 0) as orders,
        coalesce(order_days.items, 0) as items,
        coalesce(order_days.purchase_amount, 0) as purchase_amount,
        coalesce(order_days.net_amount, 0) - coalesce(refund_days.refunded_amount, 0)
            as net_amount
    from order_days
    full outer join refund_days
        on
            order_days.customer_key = refund_days.customer_key
            and order_days.activity_date = refund_days.activity_date
),

days as (
    select
        money_days.customer_key,
        money_days.activity_date,
        cast(money_days.orders as integer) as orders,
        cast(money_days.items as decimal(18, 3)) as items,
        cast(money_days.purchase_amount as decimal(38, 4)) as purchase_amount,
        cast(money_days.net_amount as decimal(38, 4)) as net_amount,
        cast(coalesce(new_products.new_products, 0) as integer) as new_products
    from money_days
    left join new_products
        on
            money_days.customer_key = new_products.customer_key
            and money_days.activity_date = new_products.activity_date
)

{{ with_gaps('days') }}
