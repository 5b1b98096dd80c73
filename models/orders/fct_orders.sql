-- One row per order. Its money is that of its lines, or its own where it has none.
with orders as (
    select * from {{ ref('checked_orders') }}
    where rejection_reason is null
),

lines as (
    select * from {{ ref('fct_order_lines') }}
),

line_totals as (
    select
        order_id,
        count(*) as lines,
        sum(case when quantity > 0 and line_type = 'product' then quantity else 0 end)
            as items,
        sum(case when amount > 0 then amount else 0 end) as sold_amount,
        sum(case when amount < 0 then -amount else 0 end) as returned_amount,
        sum(case when undone_date = ordered_date then -amount else 0 end) as undone_amount
    from lines
    group by order_id
),

totals as (
    select
        orders.*,
        coalesce(line_totals.lines, 0) as lines,
        coalesce(line_totals.items, 0) as items,
        coalesce(line_totals.sold_amount, greatest(coalesce(orders.amount, 0), 0))
            as sold_amount,
        coalesce(line_totals.returned_amount, greatest(coalesce(-orders.amount, 0), 0))
            as returned_amount,
        coalesce(line_totals.undone_amount, 0) as undone_amount
    from orders
    left join line_totals on orders.order_id = line_totals.order_id
)

select
    order_id,
    customer_key,
    ordered_at,
    cast(ordered_at as date) as ordered_date,
    status,
    currency,
    is_cancelled,
    cast(lines as integer) as lines,
    cast(items as decimal(18, 3)) as items,
    cast(sold_amount as decimal(18, 4)) as sold_amount,
    cast(returned_amount as decimal(18, 4)) as returned_amount,
    cast(undone_amount as decimal(18, 4)) as undone_amount,
    cast(sold_amount - returned_amount as decimal(18, 4)) as amount,
    cast(case when is_cancelled then 0 else sold_amount - returned_amount end as decimal(18, 4))
        as net_amount
from totals
