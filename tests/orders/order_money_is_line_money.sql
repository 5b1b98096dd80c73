-- The total of an order with lines is their sum with the tip, and with or without each of
-- its own discount, shipping and tax, which the lines may hold already.
with line_money as (
    select
        order_id,
        sum(amount) as amount
    from {{ ref('fct_order_lines') }}
    group by order_id
),

sums as (
    select
        orders.order_id,
        orders.total_amount,
        orders.discount_amount,
        line_money.amount as line_amount,
        coalesce(given.shipping_amount, 0) as shipping,
        coalesce(given.tax_amount, 0) as tax,
        coalesce(given.tip_amount, 0) as tip
    from {{ ref('fct_orders') }} as orders
    inner join line_money on orders.order_id = line_money.order_id
    inner join {{ ref('checked_orders') }} as given
        on orders.order_id = given.order_id and given.is_kept
)

select * from sums
where
    total_amount - line_amount - tip not in (
        {%- for discount in [0, 1, -1] %}
        {%- for shipping in [0, 1] %}
        {%- for tax in [0, 1] %}
        {{ discount }} * discount_amount + {{ shipping }} * shipping + {{ tax }} * tax
        {{- "," if not (loop.last and shipping == 1 and discount == -1) }}
        {%- endfor %}
        {%- endfor %}
        {%- endfor %}
    )
