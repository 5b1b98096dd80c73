-- Of every month shown, the revenue of all groups is the money of its orders up to the
-- scoring date.
{{ config(enabled=setting('smallest_group') == 1) }}
with shown as (
    select
        month,
        sum(revenue) as revenue
    from {{ ref('revenue_by_month') }}
    group by month
),

orders as (
    select
        cast(date_trunc('month', orders.ordered_date) as date) as month,
        sum(orders.net_amount) as revenue
    from {{ ref('fct_orders') }} as orders
    inner join {{ ref('shop') }} as shop on orders.ordered_date <= shop.as_of_date
    group by cast(date_trunc('month', orders.ordered_date) as date)
)

select
    shown.month,
    shown.revenue,
    orders.revenue as order_revenue
from shown
left join orders on shown.month = orders.month
where orders.revenue is null or shown.revenue <> orders.revenue
