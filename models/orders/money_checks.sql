-- One row per sale and doubt about its money: its own amount is not that of its lines, it
-- has no lines though the shop has, or more went back than it cost.
with orders as (
    select * from {{ ref('summed_orders') }}
    where rejection_reason is null and is_sale
),

shop as (
    select count(*) > 0 as has_lines from {{ ref('checked_order_lines') }}
),

refunded as (
    select
        order_id,
        sum(amount) as amount
    from {{ ref('order_refunds') }}
    group by order_id
),

doubtful as (
    select
        order_id,
        lines,
        given_amount,
        given_refund,
        total_amount,
        total_amount - given_amount as difference
    from orders
    where has_lines and abs(total_amount - given_amount) > 0.01
),

rejected_lines as (
    select
        doubtful.order_id,
        sum(lines.amount) as amount,
        sum(case when lines.line_type = 'payment' then abs(lines.amount) else 0 end) as paid
    from doubtful
    inner join {{ ref('checked_order_lines') }} as lines
        on doubtful.order_id = lines.order_id
    where lines.rejection_reason is not null
    group by doubtful.order_id
),

-- The lines come to so many times the order's own amount.
explained as (
    select
        doubtful.*,
        abs(doubtful.difference - coalesce(rejected_lines.paid, 0)) <= 0.01 as is_paid,
        abs(doubtful.difference + rejected_lines.amount) <= 0.01 as is_rejected,
        abs(doubtful.difference - doubtful.given_refund) <= 0.01 as is_refunded,
        round(
            cast(doubtful.total_amount as double)
            / cast(nullif(doubtful.given_amount, 0) as double)
        ) as times
    from doubtful
    left join rejected_lines on doubtful.order_id = rejected_lines.order_id
),

differences as (
    select
        order_id,
        given_amount,
        total_amount,
        difference,
        case
            when is_refunded then 'refund_taken_off'
            when is_rejected then 'rejected_lines'
            when abs(difference) <= 0.01 * greatest(lines, 5) then 'rounding'
            when times >= 2 and abs(total_amount - times * given_amount) <= 0.01 * times
                then 'overlapping_exports'
            when abs(total_amount) < abs(given_amount) / 2 then 'missing_lines'
            when abs(total_amount) < abs(given_amount) then 'shipping_or_tax_outside'
            else 'discount_outside'
        end as cause
    from explained
    where not is_paid
),

doubts as (
    select * from differences
    union all
    select
        orders.order_id,
        orders.given_amount,
        cast(null as decimal(18, 4)) as total_amount,
        cast(null as decimal(18, 4)) as difference,
        'missing_lines' as cause
    from orders
    cross join shop
    where shop.has_lines and not orders.has_lines and orders.given_amount > 0
    union all
    select
        orders.order_id,
        orders.given_amount,
        orders.total_amount,
        orders.total_amount - refunded.amount as difference,
        'refunded_too_much' as cause
    from refunded
    inner join orders on refunded.order_id = orders.order_id
    where refunded.amount > greatest(orders.total_amount, 0)
)

select
    doubts.order_id,
    orders.customer_key,
    orders.ordered_date,
    doubts.given_amount as amount,
    doubts.total_amount as line_amount,
    cast(doubts.difference as decimal(18, 4)) as difference,
    doubts.cause
from doubts
inner join orders on doubts.order_id = orders.order_id
