{{ reloaded('ordered_at', key='order_id') }}
-- One row per row of the order_lines feed, with its rejection reason or null.
{%- set as_given = {
    'order_id': 'order_id',
    'line_number': 'case when line_number > 0 then line_number end',
    'product_id': 'product_id',
    'quantity': 'quantity',
    'unit_price': 'unit_price',
    'discount': 'discount',
    'amount': 'given_amount',
    'line_type': 'given_line_type',
    'unreadable': 'unreadable',
} %}
{%- set said = as_given.keys() | list %}
{%- set content = 'order_id, product_id, quantity, unit_price, discount, amount, line_type' %}
{%- set copies_of_orders = "('repeated_record', 'conflicting_record', 'superseded')" %}
{%- set said_type = 'lower(coalesce(marked.line_type, codes.line_type))' %}
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

line_types as (
    select * from {{ ref('line_types') }}
),

marked as (
    {{ mark_duplicates(
        'unsettled' if since else ref('numbered_order_lines'),
        said,
        ['order_id', 'line_number']
    ) }}
),

-- Orders whose row is there several times, as exports that overlap have it. A copy of a
-- line is told by its number; a line without one looks like another that was bought too.
-- Rows that only continue an order leave out its amount or status, and are no copies.
copied_orders as (
    select
        order_id,
        least(count(*), nullif(count(amount), 0), nullif(count(status), 0)) as copies,
        max(case when is_kept then amount end) as order_amount
    from {{ ref('checked_orders') }}
    where
        (is_kept or rejection_reason in {{ copies_of_orders }})
        and order_id in (
            select order_id from {{ ref('checked_orders') }}
            where not is_kept and rejection_reason in {{ copies_of_orders }}
        )
    group by order_id
    having least(count(*), nullif(count(amount), 0), nullif(count(status), 0)) > 1
),

copied_lines as (
    select
        lines.*,
        copied_orders.copies,
        copied_orders.order_amount
    from {{ ref('stg_order_lines') }} as lines
    inner join copied_orders on lines.order_id = copied_orders.order_id
    where lines.line_number is null
),

alike_lines as (
    select
        *,
        {{ made_line_number() }} as made_number,
        {{ line_amount('quantity', 'unit_price', 'discount', 'amount', 'line_type') }} as money,
        count(*) over (partition by {{ content }}) as alike
    from copied_lines
),

counted_lines as (
    select
        order_id,
        made_number,
        copies,
        order_amount,
        alike,
        row_number() over (partition by {{ content }} order by made_number desc) as place,
        sum(case when mod(alike, copies) = 0 then 0 else 1 end) over (partition by order_id)
            as uneven,
        sum(money) over (partition by order_id) as order_money
    from alike_lines
),

-- Where each line is there once per copy of its order, the copies are surplus: four alike
-- lines of an order exported twice are two. Not so if all of them are what the order says.
surplus_lines as (
    select
        order_id,
        made_number
    from counted_lines
    where
        uneven = 0
        and place > alike / copies
        and (order_amount is null or order_money is null or order_amount <> order_money)
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
        case
            when surplus_lines.order_id is not null then 'repeated_record'
            else marked.duplicate_reason
        end as duplicate_reason,
        orders.order_id is not null as has_order,
        orders.rejection_reason as order_reason,
        orders.customer_key,
        orders.ordered_at,
        coalesce(orders.is_sale, true) as is_sale,
        {{ said_type }} as said_type,
        {{ line_amount(
            'marked.quantity', 'marked.unit_price', 'marked.discount', 'marked.amount', said_type
        ) }} as amount
    from marked
    left join orders on marked.order_id = orders.order_id
    left join codes on marked.product_id = codes.product_id
    left join surplus_lines
        on
            marked.order_id = surplus_lines.order_id
            and marked.line_number = surplus_lines.made_number
),

-- A line of which nothing is said is a product, unless it names none. Money off, at no
-- negative number of pieces, is a discount, whatever code it bears.
typed as (
    select
        joined.*,
        coalesce(line_types.counts_as, 'goods') as counts_as,
        joined.said_type is not null and line_types.line_type is null as is_unknown_type,
        case
            when joined.said_type <> 'product' then joined.said_type
            when joined.amount < 0 and (joined.quantity >= 0 or joined.quantity is null)
                then 'discount'
            when joined.product_id is null then 'charge'
            else 'product'
        end as line_type
    from joined
    left join line_types on joined.said_type = line_types.line_type
),

judged as (
    select
        *,
        case
            when order_id is null then 'missing_key'
            when duplicate_reason is not null then duplicate_reason
            when not has_order then 'order_missing'
            when order_reason is not null then 'order_rejected'
            when unreadable is not null then 'unreadable_number'
            when amount is null and quantity is not null and unit_price is not null
                then 'amount_too_large'
            when amount is null then 'unreadable_number'
            when is_unknown_type then 'unknown_line_type'
            when counts_as = 'rejected' then line_type
            when quantity = 0 and given_amount is null then 'zero_quantity'
            when quantity < 0 and coalesce(unit_price, amount) = 0 then 'stock_adjustment'
        end as rejection_reason
    from typed
)

select
    order_id,
    line_number,
    customer_key,
    ordered_at,
    product_id,
    line_type,
    counts_as,
    quantity,
    unit_price,
    abs(coalesce(discount, 0)) as discount,
    amount,
    is_sale,
    rejection_reason,
    case
        when rejection_reason is not null
            then {{ json_object(as_given) }}
    end as record
from judged
