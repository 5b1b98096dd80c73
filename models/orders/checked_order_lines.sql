{{ reloaded('ordered_at', key='order_id') }}
-- One row per row of the order_lines feed, with its rejection reason or null.
{%- set said = [
    'order_id',
    'line_number',
    'product_id',
    'quantity',
    'unit_price',
    'discount',
    'amount',
    'line_type',
    'unreadable',
] %}
{%- set since = reload_from('ordered_at') %}
with orders as (
    select * from {{ ref('checked_orders') }}
    where is_kept and order_id is not null
),

{% if since -%}
settled_orders as (
    select order_id from orders
    where ordered_at < {{ since }}
),

unsettled as (
    select lines.*
    from {{ ref('numbered_order_lines') }} as lines
    left join settled_orders on lines.order_id = settled_orders.order_id
    where settled_orders.order_id is null
),

{% endif -%}

codes as (
    select * from {{ ref('non_product_codes') }}
),

marked as (
    {{ mark_duplicates(
        'unsettled' if since else ref('numbered_order_lines'),
        said,
        ['order_id', 'line_number']
    ) }}
),

joined as (
    select
        marked.order_id,
        marked.line_number,
        marked.product_id,
        marked.quantity,
        marked.unit_price,
        marked.discount,
        marked.amount as given_amount,
        marked.line_type as given_line_type,
        marked.unreadable,
        marked.duplicate_reason,
        orders.order_id is not null as has_order,
        orders.rejection_reason as order_reason,
        orders.customer_key,
        orders.ordered_at,
        coalesce(orders.is_sale, true) as is_sale,
        coalesce(marked.line_type, codes.line_type, 'product') as line_type,
        {{ line_amount('marked.quantity', 'marked.unit_price', 'marked.discount') }}
            as amount
    from marked
    left join orders on marked.order_id = orders.order_id
    left join codes on marked.product_id = codes.product_id
),

judged as (
    select
        *,
        case
            when order_id is null or product_id is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when not has_order then 'order_missing'
            when order_reason is not null then 'order_rejected'
            when amount is null or unreadable is not null then 'unreadable_number'
            when line_type in ('payment', 'bad_debt', 'shop_cost', 'test_record') then line_type
            when unit_price < 0 then 'negative_price'
            when quantity = 0 then 'zero_quantity'
            when quantity < 0 and unit_price = 0 then 'stock_adjustment'
        end as rejection_reason
    from joined
)

select
    order_id,
    line_number,
    customer_key,
    ordered_at,
    product_id,
    line_type,
    quantity,
    unit_price,
    coalesce(discount, 0) as discount,
    amount,
    is_sale,
    rejection_reason,
    case
        when rejection_reason is not null
            then {{ row_json(said) }}
    end as record
from judged
