-- One row per row of the redemptions feed, with its rejection reason or null. What the feed
-- leaves out of customer and time, the order says.
{%- set said = [
    'redemption_id',
    'coupon_code',
    'order_id',
    'customer_key',
    'campaign_id',
    'redeemed_at',
    'amount',
    'unreadable',
] %}
with orders as (
    select * from {{ ref('checked_orders') }}
    where is_kept and order_id is not null
),

staged as (
    select * from {{ ref('stg_redemptions') }}
),

marked as (
    {{ mark_duplicates('staged', said, ['redemption_id']) }}
),

joined as (
    select
        marked.*,
        orders.order_id is not null as has_order,
        orders.customer_key as order_customer,
        orders.ordered_at,
        orders.rejection_reason as order_reason
    from marked
    left join orders on marked.order_id = orders.order_id
),

judged as (
    select
        *,
        coalesce(
            case when redemption_id is null or coupon_code is null then 'missing_key' end,
            duplicate_reason,
            case
                when order_id is not null and not has_order then 'order_missing'
                when order_reason is not null then 'order_rejected'
            end,
            {{ unread_reason(['redeemed_at']) }},
            {{ date_reason('coalesce(redeemed_at, ordered_at)') }}
        ) as rejection_reason
    from joined
)

select
    redemption_id,
    upper(coupon_code) as coupon_code,
    order_id,
    coalesce(customer_key, order_customer) as customer_key,
    campaign_id,
    coalesce(redeemed_at, ordered_at) as redeemed_at,
    abs(amount) as amount,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
