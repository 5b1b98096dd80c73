-- One row per customer and month in which they bought or returned something, up to the
-- scoring date, by months since that of the first order: what they ordered and spent, what
-- the shop earned, and whether an order was their second, third or fifth.
with customers as (
    select
        customer_key,
        cast(date_trunc('month', first_order_date) as date) as first_month
    from {{ ref('first_orders') }}
),

scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

spent as (
    select
        days.customer_key,
        cast(date_trunc('month', days.activity_date) as date) as month,
        sum(days.orders) as orders,
        sum(days.net_amount) as net_sales
    from {{ ref('customer_days') }} as days
    inner join scoring on days.activity_date <= scoring.as_of_date
    group by
        days.customer_key,
        cast(date_trunc('month', days.activity_date) as date)
),

-- The margin of a return counts in the month of its order, where its sale was.
earned as (
    select
        coalesce(spent.customer_key, margins.customer_key) as customer_key,
        coalesce(spent.month, margins.month) as month,
        coalesce(spent.orders, 0) as orders,
        coalesce(spent.net_sales, 0) as net_sales,
        coalesce(margins.known_spend, 0) as known_spend,
        coalesce(margins.known_cost, 0) as known_cost
    from spent
    full outer join {{ ref('monthly_margins') }} as margins
        on
            spent.customer_key = margins.customer_key
            and spent.month = margins.month
),

-- What came back before the first order is counted in its month.
aged as (
    select
        earned.customer_key,
        customers.first_month,
        greatest(0, {{ months_between('customers.first_month', 'earned.month') }})
            as age_months,
        sum(earned.orders) as orders,
        sum(earned.net_sales) as net_sales,
        sum(earned.known_spend - earned.known_cost) as known_margin,
        sum(earned.net_sales - earned.known_spend) as other_spend
    from earned
    inner join customers on earned.customer_key = customers.customer_key
    group by
        earned.customer_key,
        customers.first_month,
        greatest(0, {{ months_between('customers.first_month', 'earned.month') }})
),

running as (
    select
        *,
        sum(orders) over (
            partition by customer_key
            order by age_months
            rows between unbounded preceding and current row
        ) as orders_so_far
    from aged
)

select
    customer_key,
    first_month,
    cast(age_months as integer) as age_months,
    cast(orders as integer) as orders,
    {%- for number in [2, 3, 5] %}
    orders_so_far >= {{ number }} and orders_so_far - orders < {{ number }}
        as has_reached_{{ number }},
    {%- endfor %}
    cast(net_sales as decimal(38, 4)) as net_sales,
    cast(
        {{ rounded(
            'cast(known_margin as double) + cast(other_spend as double) * ' ~ setting('margin'),
            4
        ) }} as decimal(38, 4)
    ) as margin_amount
from running
