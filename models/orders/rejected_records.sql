-- One row per raw row that is no fact, with the reason and the row as it came.
{%- set feeds = {
    'orders': ['checked_orders', 'order_id', 'amount'],
    'order_lines': ['checked_order_lines', "order_id || '/' || line_number", 'amount'],
    'products': ['checked_products', 'product_id', 'null'],
    'customers': ['checked_customers', 'customer_key', 'null'],
    'events': ['checked_events', 'event_id', 'null'],
    'reviews': ['checked_reviews', 'review_id', 'null'],
} %}
{% for feed, (model, record_id, amount) in feeds.items() %}
select
    '{{ feed }}' as feed,
    {{ record_id }} as record_id,
    rejection_reason as reason,
    cast({{ amount }} as decimal(18, 4)) as amount,
    record
from {{ ref(model) }}
where rejection_reason is not null
{% if not loop.last %}union all{% endif %}
{% endfor %}
