-- One row per window of four weeks, 0 the newest: logarithms of the amounts of the sales.
with windows as (
    select
        window_number,
        min(activity_date) as from_date,
        max(activity_date) as to_date,
        count(*) as days
    from {{ ref('watched_days') }}
    where feed = 'orders'
    group by window_number
),

amounts as (
    select
        windows.window_number,
        orders.order_id,
        ln(cast(orders.total_amount as double)) as log_amount
    from {{ ref('fct_orders') }} as orders
    inner join windows
        on
            orders.ordered_date >= windows.from_date
            and orders.ordered_date <= windows.to_date
            and windows.days = 28
    where orders.is_sale and orders.total_amount > 0
)

select
    'amounts' as check_name,
    'orders.amount' as subject,
    'all' as group_name,
    window_number,
    {{ steady_sum('log_amount', 'log_amount') }} as total,
    {{ steady_sum('log_amount * log_amount', 'log_amount') }} as squares,
    count(*) as whole
from amounts
group by window_number
