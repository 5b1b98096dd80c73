{{ reloaded('activity_date', key='customer_key') }}
{%- set since = reload_from('activity_date') %}
{%- set is_active = 'true' if not since
    else 'customer_key in (select customer_key from active_customers)' %}
-- One row per customer and day on which they bought or returned something. A purchase
-- that is undone on its own day does not count. Later events never change a past day,
-- so all features and targets can be sums over these rows.
with {% if since -%}
active_customers as (
    select distinct customer_key
    from {{ ref('fct_orders') }}
    where {{ is_unsettled('ordered_date', since) }}
),

{% endif -%}
orders as (
    select * from {{ ref('fct_orders') }}
    where
        customer_key is not null
        and is_sale
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

first_bought as (
    select
        customer_key,
        product_id,
        min(ordered_date) as activity_date
    from lines
    group by customer_key, product_id
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
        sum(case when sold_amount > 0 then 1 else 0 end) as orders,
        sum(items) as items,
        sum(sold_amount - undone_amount) as purchase_amount,
        sum(returned_amount - undone_amount) as returned_amount
    from orders
    group by customer_key, ordered_date
),

days as (
    select
        order_days.customer_key,
        order_days.activity_date,
        cast(order_days.orders as integer) as orders,
        cast(order_days.items as decimal(18, 3)) as items,
        cast(order_days.purchase_amount as decimal(38, 4)) as purchase_amount,
        cast(order_days.returned_amount as decimal(38, 4)) as returned_amount,
        cast(order_days.purchase_amount - order_days.returned_amount as decimal(38, 4))
            as net_amount,
        cast(coalesce(new_products.new_products, 0) as integer) as new_products,
        order_days.purchase_amount > 0 as is_purchase
    from order_days
    left join new_products
        on
            order_days.customer_key = new_products.customer_key
            and order_days.activity_date = new_products.activity_date
),

gaps as (
    select
        *,
        lag(activity_date) over (
            partition by customer_key, is_purchase order by activity_date
        ) as previous_date
    from days
)

select
    customer_key,
    activity_date,
    orders,
    items,
    purchase_amount,
    returned_amount,
    net_amount,
    new_products,
    is_purchase,
    cast(
        case when is_purchase then {{ days_between('previous_date', 'activity_date') }} end
        as integer
    ) as gap_days,
    is_purchase and previous_date is null as is_first_purchase
from gaps
