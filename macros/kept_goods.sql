{#
  CTEs that end with `kept`: one row per order line of a product whose cost is known, up to
  the scoring date, with the pieces and the money of it that did not come back. A cost of 0
  is not known: exports write 0 where nobody filled a cost in.
#}
{% macro kept_goods(last_days=none) -%}
costs as (
    select
        product_id,
        product_name,
        category,
        unit_cost
    from {{ ref('dim_products') }}
    where unit_cost > 0 and line_type = 'product'
),

scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

orders as (
    select orders.*
    from {{ ref('fct_orders') }} as orders
    cross join scoring
    where
        orders.is_sale
        and orders.ordered_date <= scoring.as_of_date
        {{ 'and orders.ordered_date > ' ~ plus_days('scoring.as_of_date', -last_days) if last_days }}
),

lines as (
    select lines.*
    from {{ ref('fct_order_lines') }} as lines
    cross join scoring
    where
        lines.is_sale
        and lines.counts_as = 'goods'
        and lines.ordered_date <= scoring.as_of_date
        {{ 'and lines.ordered_date > ' ~ plus_days('scoring.as_of_date', -last_days) if last_days }}
),

line_totals as (
    select
        order_id,
        sum(amount) as amount
    from lines
    group by order_id
),

-- Credits are orders that undo another; refunds are records of the same order.
credited as (
    select
        undone_order_id as order_id,
        sum(returned_amount) as amount
    from orders
    where undone_order_id is not null
    group by undone_order_id
),

-- What is left of an order, as a share of it, and what its goods cost the customer, as a
-- share of what its lines say: less where a discount is the order's, or where prices
-- include the tax. A refund takes back its share of the goods, and gives back their cost.
shares as (
    select
        orders.order_id,
        case
            when orders.sold_amount > 0
                then
                    greatest(
                        0e0,
                        1
                        - cast(orders.refunded_amount + coalesce(credited.amount, 0) as double)
                        / cast(orders.sold_amount as double)
                    )
            else 1e0
        end as kept_share,
        case
            when line_totals.amount <> 0
                then
                    cast(orders.goods_amount as double)
                    / cast(line_totals.amount as double)
            else 1e0
        end as goods_share
    from orders
    inner join line_totals on orders.order_id = line_totals.order_id
    left join credited on orders.order_id = credited.order_id
),

-- A return gives its cost back. A line of no pieces, or one that takes money off pieces
-- that another line sells, costs nothing.
kept as (
    select
        lines.customer_key,
        lines.ordered_date,
        costs.product_id,
        costs.unit_cost,
        shares.kept_share * case
            when lines.quantity < 0 or lines.amount >= 0
                then cast(lines.quantity as double)
            else 0e0
        end as quantity,
        shares.kept_share * shares.goods_share * cast(lines.amount as double) as spend
    from lines
    inner join costs on lines.product_id = costs.product_id
    inner join shares on lines.order_id = shares.order_id
)
{%- endmacro %}
