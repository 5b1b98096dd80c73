{{ reloaded('ordered_at', key='order_id') }}
{%- set since = reload_from('ordered_at') %}
-- One row per order that is not rejected itself. Its money is the sum of its lines, or
-- its own amount if it has no lines; an order with neither has no money.
with orders as (
    select * from {{ ref('checked_orders') }}
    where rejection_reason is null and {{ is_unsettled('ordered_at', since) }}
),

all_lines as (
    select * from {{ ref('checked_order_lines') }}
    where {{ is_unsettled('ordered_at', since) }}
),

returns as (
    select * from {{ ref('matched_returns') }}
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
        sum(case when rejection_reason is null and amount > 0 then amount else 0 end)
            as sold_amount,
        sum(case when rejection_reason is null and amount < 0 then abs(amount) else 0 end)
            as returned_amount
    from all_lines
    group by order_id
),

-- The money of sales that returns of the same day undid.
undone as (
    select
        all_lines.order_id,
        0 - sum(all_lines.amount) as undone_amount
    from returns
    inner join all_lines
        on
            returns.order_id = all_lines.order_id
            and returns.line_number = all_lines.line_number
            and all_lines.rejection_reason is null
            and returns.undone_date = {{ shop_date('all_lines.ordered_at') }}
    group by all_lines.order_id
),

totals as (
    select
        orders.*,
        coalesce(line_totals.lines, 0) as lines,
        coalesce(line_totals.items, 0) as items,
        coalesce(
            line_totals.sold_amount,
            case when orders.amount < 0 then 0 else orders.amount end
        ) as sold_amount,
        coalesce(
            line_totals.returned_amount,
            case when orders.amount > 0 then 0 else abs(orders.amount) end
        ) as returned_amount,
        coalesce(undone.undone_amount, 0) as undone_amount
    from orders
    left join line_totals on orders.order_id = line_totals.order_id
    left join undone on orders.order_id = undone.order_id
)

select
    order_id,
    customer_key,
    ordered_at,
    {{ shop_date('ordered_at') }} as ordered_date,
    status,
    currency,
    status_meaning,
    is_sale,
    cast(lines as integer) as lines,
    cast(items as decimal(18, 3)) as items,
    cast(sold_amount as decimal(18, 4)) as sold_amount,
    cast(returned_amount as decimal(18, 4)) as returned_amount,
    cast(undone_amount as decimal(18, 4)) as undone_amount,
    cast(sold_amount - returned_amount as decimal(18, 4)) as amount,
    cast(case when is_sale then sold_amount - returned_amount else 0 end as decimal(18, 4))
        as net_amount
from totals
