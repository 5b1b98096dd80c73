{{ config(materialized="view") }}
-- One row per order that has a line or an amount.
with orders as (
    select * from {{ ref('summed_orders') }}
    where rejection_reason is null
),

refunds as (
    select * from {{ ref('order_refunds') }}
),

refunded as (
    select
        order_id,
        sum(case when source != 'credit' then spend_amount else 0 end) as refunded_amount,
        sum(case when refunded_date = ordered_date then spend_amount else 0 end)
            as undone_amount
    from refunds
    group by order_id
),

-- A credit falls with the order that it undoes: it takes back no more than that order's
-- spend, and is no sale where that order is none.
credits as (
    select
        refund_id as order_id,
        order_id as undone_order_id,
        spend_amount,
        is_sale
    from refunds
    where source = 'credit'
),

joined as (
    select
        orders.*,
        credits.undone_order_id,
        orders.is_sale and coalesce(credits.is_sale, true) as is_kept_sale,
        case when credits.is_sale then credits.spend_amount else orders.returned_amount end
            as returned,
        cast(coalesce(refunded.refunded_amount, 0) as decimal(18, 4)) as refunded,
        cast(least(
            orders.undone_amount + coalesce(refunded.undone_amount, 0), orders.sold_amount
        ) as decimal(18, 4)) as undone
    from orders
    left join refunded on orders.order_id = refunded.order_id
    left join credits on orders.order_id = credits.order_id
),

-- The orders that have a number: sales to a customer of which something was kept to the
-- day's end. Orders of the same moment follow their ids.
counted as (
    select
        *,
        is_kept_sale and sold_amount > undone and customer_key is not null as is_counted
    from joined
)

select
    order_id,
    customer_key,
    ordered_at,
    ordered_date,
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
    is_kept_sale as is_sale,
    cast(case when is_counted then row_number() over in_order end as integer)
        as order_number,
    case when is_counted then row_number() over in_order = 1 end as is_first_order,
    cast(
        case
            when is_counted
                then {{ days_between('lag(ordered_date) over in_order', 'ordered_date') }}
        end as integer
    ) as days_since_previous_order,
    lines,
    cast(case when undone > 0 and undone = sold_amount then 0 else items end as decimal(18, 3))
        as items,
    total_amount,
    goods_amount,
    discount_amount,
    all_discounts_amount,
    shipping_amount,
    tax_amount,
    tip_amount,
    sold_amount,
    returned as returned_amount,
    undone as undone_amount,
    refunded as refunded_amount,
    undone_order_id,
    cast(sold_amount - returned as decimal(18, 4)) as amount,
    cast(case when is_kept_sale then sold_amount - returned - refunded else 0 end as decimal(18, 4))
        as net_amount
from counted
window in_order as (
    partition by customer_key, is_counted
    order by ordered_at asc, order_id asc
)
