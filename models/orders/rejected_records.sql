-- One row per raw row that is no fact, with the reason and the row as it was read.
{%- set given = {
    'order_id': 'order_id',
    'customer_key': 'customer_key',
    'ordered_at': 'ordered_at',
    'status': 'status',
    'currency': 'currency',
    'amount': 'given_amount',
} %}
{%- set line_columns = [
    'order_id', 'line_number', 'product_id', 'line_type', 'quantity', 'unit_price', 'discount',
    'amount',
] %}
{%- set refund_columns = ['refund_id', 'order_id', 'refunded_at', 'amount', 'line_number'] %}
{%- set feeds = {
    'order_lines': ['checked_order_lines', "order_id || '/' || line_number", 'amount'],
    'products': ['checked_products', 'product_id', 'null'],
    'customers': ['checked_customers', 'customer_key', 'null'],
    'events': ['checked_events', 'event_id', 'null'],
    'reviews': ['checked_reviews', 'review_id', 'null'],
    'refunds': ['checked_refunds', 'refund_id', 'amount'],
    'marketing_spend': [
        'checked_marketing_spend', "concat_ws('/', cast(day as string), channel, campaign_id)", 'amount'
    ],
    'campaigns': ['checked_campaigns', 'campaign_id', 'null'],
    'campaign_sends': ['checked_campaign_sends', 'send_id', 'cost'],
    'redemptions': ['checked_redemptions', 'redemption_id', 'amount'],
    'experiments': ['checked_experiments', 'experiment_id', 'null'],
    'assignments': ['checked_assignments', "concat_ws('/', experiment_id, customer_key)", 'null'],
    'calendar': ['checked_calendar', "concat_ws('/', cast(day as string), name)", 'null'],
    'subscriptions': ['checked_subscriptions', 'subscription_id', 'amount'],
    'consents': ['checked_consents', "concat_ws('/', customer_key, purpose)", 'null'],
    'product_vectors': ['checked_product_vectors', "concat_ws('/', product_id, source)", 'null'],
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

-- Orders without money, and orders of more than a table can hold.
unsummed_orders as (
    select * from {{ ref('summed_orders') }}
    where rejection_reason is not null
),

lines_of_unsummed as (
    select lines.*
    from {{ ref('checked_order_lines') }} as lines
    inner join unsummed_orders on lines.order_id = unsummed_orders.order_id
    where lines.rejection_reason is null
),

refunds_of_unsummed as (
    select refunds.*
    from {{ ref('checked_refunds') }} as refunds
    inner join unsummed_orders on refunds.order_id = unsummed_orders.order_id
    where refunds.rejection_reason is null
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
        rejection_reason as reason,
        cast(null as decimal(18, 4)) as amount,
        {{ json_object(given) }} as record
    from unsummed_orders
    union all
    select
        'order_lines' as feed,
        order_id || '/' || line_number as record_id,
        'order_rejected' as reason,
        amount,
        {{ row_json(line_columns) }} as record
    from lines_of_unsummed
    union all
    select
        'refunds' as feed,
        refund_id as record_id,
        'order_rejected' as reason,
        amount,
        {{ row_json(refund_columns) }} as record
    from refunds_of_unsummed
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
