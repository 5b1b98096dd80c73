-- One row per raw row that is no fact, with the reason and the row as it was read.
{%- set order_columns = [
    'order_id', 'customer_key', 'ordered_at', 'status', 'currency', 'amount',
] %}
{%- set feeds = {
    'order_lines': ['checked_order_lines', "order_id || '/' || line_number", 'amount'],
    'products': ['checked_products', 'product_id', 'null'],
    'customers': ['checked_customers', 'customer_key', 'null'],
    'events': ['checked_events', 'event_id', 'null'],
    'reviews': ['checked_reviews', 'review_id', 'null'],
    'refunds': ['checked_refunds', 'refund_id', 'amount'],
} %}
with orders as (
    select * from {{ ref('checked_orders') }}
),

lined_orders as (
    select distinct lines.order_id
    from {{ ref('checked_order_lines') }} as lines
    inner join orders on lines.order_id = orders.order_id
    where orders.rejection_reason is not null
),

empty_orders as (
    select * from {{ ref('summed_orders') }}
    where amount is null
),

-- The amount of an order counts only if the order has no lines.
rejected as (
    select
        'orders' as feed,
        orders.order_id as record_id,
        orders.rejection_reason as reason,
        case when lined_orders.order_id is null then orders.amount end as amount,
        orders.record
    from orders
    left join lined_orders on orders.order_id = lined_orders.order_id
    where orders.rejection_reason is not null
    union all
    select
        'orders' as feed,
        order_id as record_id,
        'no_amount' as reason,
        amount,
        {{ row_json(order_columns) }} as record
    from empty_orders
    {%- for feed, (model, record_id, amount) in feeds.items() %}
    union all
    select
        '{{ feed }}' as feed,
        {{ record_id }} as record_id,
        rejection_reason as reason,
        cast({{ amount }} as decimal(18, 4)) as amount,
        record
    from {{ ref(model) }}
    where rejection_reason is not null
    {%- endfor %}
)

select * from rejected
