{{ reloaded('ordered_at', key='order_id') }}
{%- set since = reload_from('ordered_at') %}
{%- set parts = ['goods'] + setting('spend_includes') %}
{%- set of_spend = "counts_as in ('" ~ parts | join("', '") ~ "')" %}
-- One row per order that is not rejected itself, with its money before any refund. The
-- money is that of its lines and of what the order adds to them, or its own amount if it
-- has no lines; an order with neither has no money. `amount` is the part of it that counts
-- as spend, as var spend_includes says.
with orders as (
    select * from {{ ref('checked_orders') }}
    where rejection_reason is null and {{ is_unsettled('ordered_at', since) }}
),

all_lines as (
    select * from {{ ref('checked_order_lines') }}
    where {{ is_unsettled('ordered_at', since) }}
),

-- Rejected lines count as lines: an order whose lines were all rejected must not fall
-- back on its own amount.
line_totals as (
    select
        order_id,
        count(case when rejection_reason is null then 1 end) as lines,
        sum(
            case
                when rejection_reason is null and quantity > 0 and line_type = 'product'
                    then quantity
                else 0
            end
        ) as items,
        sum(case when rejection_reason is null then amount else 0 end) as amount,
        sum(
            case
                when
                    rejection_reason is null
                    and quantity < 0
                    and amount < 0
                    and {{ of_spend }}
                    then 0 - amount
                else 0
            end
        ) as returned_amount,
        sum(case when rejection_reason is null and counts_as = 'shipping' then amount else 0 end)
            as shipping,
        sum(case when rejection_reason is null and counts_as = 'tax' then amount else 0 end)
            as tax,
        sum(case when rejection_reason is null and counts_as = 'tip' then amount else 0 end)
            as tip,
        sum(
            case
                when rejection_reason is not null or quantity < 0 then 0
                when line_type = 'discount' then abs(amount)
                else coalesce(discount, 0)
            end
        ) as discount_amount,
        max(case when rejection_reason is null and line_type != 'product' then 1 else 0 end)
            as other_lines
    from all_lines
    group by order_id
),

-- What returns of the same day undid of the sales of an order.
undone as (
    select
        undone_order_id as order_id,
        sum(amount) as undone_amount,
        sum(quantity) as undone_items
    from {{ ref('matched_returns') }}
    where is_same_day
    group by undone_order_id
),

-- A discount lessens an order with either sign, and lessens the refund of a return.
given as (
    select
        orders.*,
        line_totals.order_id is not null as has_lines,
        coalesce(line_totals.lines, 0) as lines,
        coalesce(line_totals.items, 0) as items,
        coalesce(line_totals.amount, 0) as line_amount,
        coalesce(line_totals.returned_amount, 0) as line_returned,
        coalesce(line_totals.shipping, 0) as line_shipping,
        coalesce(line_totals.tax, 0) as line_tax,
        coalesce(line_totals.tip, 0) as line_tip,
        coalesce(line_totals.discount_amount, 0) as line_discount,
        coalesce(line_totals.other_lines, 0) = 1 as has_other_lines,
        coalesce(undone.undone_amount, 0) as undone_amount,
        coalesce(undone.undone_items, 0) as undone_items,
        case when line_totals.amount < 0 then -1 else 1 end
        * abs(coalesce(orders.discount_amount, 0)) as discount,
        coalesce(orders.shipping_amount, 0) as shipping,
        coalesce(orders.tax_amount, 0) as tax,
        coalesce(orders.tip_amount, 0) as tip
    from orders
    left join line_totals on orders.order_id = line_totals.order_id
    left join undone on orders.order_id = undone.order_id
),

-- Whether discount, shipping and tax come on top of the lines or are within them: the
-- first sum that is the order's own amount, to a cent, says so. Shipping is within lines
-- only where a line is no product. On top, where no sum is.
summed as (
    select
        *,
        case
            when not has_lines or (discount = 0 and shipping = 0 and tax = 0) then 'dst'
            {%- for letters in ['dst', 'ds', 'st', 's', 'dt', 'd', 't', ''] %}
            when
                abs(
                    line_amount - amount + tip
                    + {{ ('s' in letters) | int }} * shipping
                    + {{ ('t' in letters) | int }} * tax
                    - {{ ('d' in letters) | int }} * discount
                ) <= 0.01
                {%- if 's' not in letters %}
                and has_other_lines
                {%- endif %}
                then '{{ letters }}'
            {%- endfor %}
            else 'dst'
        end as on_top
    from given
),

-- The parts of the total. Of an order without lines they are parts of its own amount.
-- Prices that include the tax hold it among the goods, unless lines of their own are tax.
parts as (
    select
        *,
        case
            when not has_lines then amount
            else
                line_amount
                - case when on_top like '%d%' then discount else 0 end
                + case when on_top like '%s%' then shipping else 0 end
                + case when on_top like '%t%' then tax else 0 end
                + tip
        end as total,
        line_shipping + case when on_top like '%s%' then shipping else 0 end
            as total_shipping,
        line_tax + case when on_top like '%t%' or line_tax = 0 then tax else 0 end
            as total_tax,
        line_tip + tip as total_tip
    from summed
),

spend as (
    select
        *,
        total
        {%- for part in ['shipping', 'tax', 'tip'] if part not in parts %}
        - total_{{ part }}
        {%- endfor %} as spent
    from parts
),

-- What was sold does not fall below zero: where nothing was, all of it is a return.
sides as (
    select
        *,
        case
            when spent < 0 and least(line_amount, spent) + line_returned <= 0 then 0 - spent
            else line_returned
        end as returned
    from spend
)

select
    order_id,
    customer_key,
    ordered_at,
    {{ shop_date('ordered_at') }} as ordered_date,
    updated_at,
    status,
    currency,
    coupon_code,
    sales_channel,
    tags,
    utm_source,
    utm_medium,
    utm_campaign,
    click_id,
    status_meaning,
    is_sale,
    has_lines,
    cast(lines as integer) as lines,
    cast(greatest(items - undone_items, 0) as decimal(18, 3)) as items,
    amount as given_amount,
    refunded_amount as given_refund,
    try_cast(total as decimal(18, 4)) as total_amount,
    try_cast(total - total_shipping - total_tax - total_tip as decimal(18, 4))
        as goods_amount,
    try_cast(total_shipping as decimal(18, 4)) as shipping_amount,
    try_cast(total_tax as decimal(18, 4)) as tax_amount,
    try_cast(total_tip as decimal(18, 4)) as tip_amount,
    cast(abs(discount) as decimal(18, 4)) as discount_amount,
    try_cast(
        case
            when spent + returned <= 0 then 0
            when on_top like '%d%' then abs(discount) + line_discount
            else greatest(abs(discount), line_discount)
        end as decimal(18, 4)
    ) as all_discounts_amount,
    try_cast(spent + returned as decimal(18, 4)) as sold_amount,
    try_cast(returned as decimal(18, 4)) as returned_amount,
    try_cast(least(undone_amount, spent + returned) as decimal(18, 4)) as undone_amount,
    try_cast(spent as decimal(18, 4)) as amount,
    case
        when total is null then 'no_amount'
        when
            try_cast(total as decimal(18, 4)) is null
            or try_cast(spent + returned as decimal(18, 4)) is null
            then 'amount_too_large'
    end as rejection_reason
from sides
