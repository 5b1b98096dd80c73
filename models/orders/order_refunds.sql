{{ reloaded('refunded_date', key='order_id') }}
{%- set since = reload_from('refunded_date') %}
-- One row per record of money given back of an order: a refund of the feed, a credit that
-- undoes the order, and what the order itself says beyond both, by its refunded_amount or
-- by a status that means that all of it went back. Spend falls by the refund's share of
-- the order, and never by more than is left of it.
with orders as (
    select * from {{ ref('summed_orders') }}
    where rejection_reason is null
),

records as (
    select
        refund_id,
        order_id,
        refunded_at,
        amount,
        'refunds' as source
    from {{ ref('checked_refunds') }}
    where rejection_reason is null
    union all
    select
        order_id as refund_id,
        undone_order_id as order_id,
        ordered_at as refunded_at,
        amount,
        'credit' as source
    from {{ ref('matched_credits') }}
),

record_totals as (
    select
        order_id,
        sum(amount) as amount
    from records
    group by order_id
),

-- What lines of other orders have brought back already.
returned as (
    select
        undone_order_id as order_id,
        sum(amount) as amount
    from {{ ref('matched_returns') }}
    where order_id != undone_order_id
    group by undone_order_id
),

refunded_ids as (
    select order_id from record_totals
    union
    select order_id from orders
    where given_refund != 0 or status_meaning = 'refunded'
),

-- A refund without a date counts when the order last changed, or else when it was placed.
refunded_orders as (
    select
        orders.order_id,
        orders.customer_key,
        orders.ordered_at,
        orders.ordered_date,
        orders.is_sale,
        orders.status_meaning = 'refunded' as is_all_refunded,
        case
            when {{ date_reason('orders.updated_at') }} is null then orders.updated_at
            else orders.ordered_at
        end as changed_at,
        coalesce(record_totals.amount, 0) as recorded,
        greatest(
            abs(coalesce(orders.given_refund, 0))
            - coalesce(record_totals.amount, 0) - coalesce(returned.amount, 0),
            0
        ) as unrecorded,
        greatest(orders.total_amount - coalesce(returned.amount, 0), 0) as left_total,
        greatest(orders.amount - coalesce(returned.amount, 0), 0) as left_spend
    from orders
    inner join refunded_ids on orders.order_id = refunded_ids.order_id
    left join record_totals on orders.order_id = record_totals.order_id
    left join returned on orders.order_id = returned.order_id
),

all_records as (
    select
        *,
        1 as turn
    from records
    union all
    select
        order_id as refund_id,
        order_id,
        cast(null as timestamp) as refunded_at,
        unrecorded as amount,
        'refunded_amount' as source,
        2 as turn
    from refunded_orders
    where unrecorded > 0
    union all
    select
        order_id as refund_id,
        order_id,
        cast(null as timestamp) as refunded_at,
        left_total - recorded - unrecorded as amount,
        'status' as source,
        3 as turn
    from refunded_orders
    where is_all_refunded and left_total > recorded + unrecorded
),

running as (
    select
        records.refund_id,
        records.source,
        records.amount,
        records.refunded_at is not null as is_dated,
        greatest(coalesce(records.refunded_at, orders.changed_at), orders.ordered_at)
            as refunded_at,
        orders.order_id,
        orders.customer_key,
        orders.ordered_date,
        orders.is_sale,
        orders.left_total,
        orders.left_spend,
        sum(records.amount) over (
            partition by orders.order_id
            order by
                records.turn asc,
                records.refunded_at asc nulls last,
                records.source asc,
                records.refund_id asc
            rows between unbounded preceding and current row
        ) as refunded_so_far
    from all_records as records
    inner join refunded_orders as orders on records.order_id = orders.order_id
),

-- What spend has fallen by with each record and with those before it. The last of an
-- order's money takes the last of its spend, so that nothing is left by rounding.
shares as (
    select
        *,
        {{ share_of('left_spend', 'refunded_so_far', 'left_total') }} as spend_so_far,
        {{ share_of('left_spend', '(refunded_so_far - amount)', 'left_total') }} as spend_before
    from running
),

last_day as (
    select max(ordered_date) as ordered_date from orders
),

-- What went back after the last day with an order, as of which customers are scored,
-- counts on that day: it is known to be gone.
dated as (
    select
        shares.*,
        greatest(
            least({{ shop_date('shares.refunded_at') }}, last_day.ordered_date),
            shares.ordered_date
        ) as refunded_date
    from shares
    cross join last_day
)

select
    refund_id,
    source,
    order_id,
    customer_key,
    refunded_at,
    refunded_date,
    ordered_date,
    is_dated,
    is_sale,
    cast(amount as decimal(18, 4)) as amount,
    cast(case when is_sale then spend_so_far - spend_before else 0 end as decimal(18, 4))
        as spend_amount
from dated
{%- if since %}
where order_id in (
    select order_id from dated
    where {{ is_unsettled('refunded_date', since) }}
)
{%- endif %}
