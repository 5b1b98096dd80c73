-- One row per figure of the whole shop that a reader follows from week to week: what it
-- has come to since the last forecast that is at least a week old, and before that.
{%- set least_days = 7 %}
with shop as (
    select * from {{ ref('shop') }}
    where as_of_date is not null
),

said as (
    select * from {{ ref('said_and_came') }}
),

-- Without such a forecast, the last week.
periods as (
    select
        shop.as_of_date,
        shop.customers,
        shop.longest_horizon_days,
        max(said.as_of_date) is not null as is_since_forecast,
        coalesce(
            max(said.as_of_date), min({{ plus_days('shop.as_of_date', -least_days) }})
        ) as since_date
    from shop
    left join said
        on {{ days_between('said.as_of_date', 'shop.as_of_date') }} >= {{ least_days }}
    group by
        shop.as_of_date,
        shop.customers,
        shop.longest_horizon_days
),

period as (
    select
        *,
        {{ days_between('since_date', 'as_of_date') }} as days,
        {{ plus_days('since_date', '-' ~ days_between('since_date', 'as_of_date')) }}
            as before_date
    from periods
),

orders as (
    select
        sum(case when orders.ordered_date > period.since_date then orders.net_amount end)
            as revenue,
        sum(case when orders.ordered_date <= period.since_date then orders.net_amount end)
            as revenue_before,
        count(
            case
                when
                    orders.is_sale
                    and orders.sold_amount > orders.undone_amount
                    and orders.ordered_date > period.since_date
                    then 1
            end
        ) as orders,
        count(
            case
                when
                    orders.is_sale
                    and orders.sold_amount > orders.undone_amount
                    and orders.ordered_date <= period.since_date
                    then 1
            end
        ) as orders_before
    from period
    inner join {{ ref('fct_orders') }} as orders
        on
            period.before_date < orders.ordered_date
            and period.as_of_date >= orders.ordered_date
),

customers as (
    select
        count(case when profiles.first_purchase_date > period.since_date then 1 end)
            as new_customers,
        count(
            case
                when
                    profiles.first_purchase_date > period.before_date
                    and profiles.first_purchase_date <= period.since_date
                    then 1
            end
        ) as new_customers_before,
        -- Who came back since is not among those who had gone silent before.
        count(
            case
                when
                    profiles.segment in ('at_risk', 'lapsed')
                    and profiles.recency_days < profiles.patience_days + period.days
                    then 1
            end
        ) as gone_silent,
        sum(
            case
                when
                    profiles.segment in ('at_risk', 'lapsed')
                    and profiles.recency_days < profiles.patience_days + period.days
                    then profiles.spend_365d
            end
        ) as silent_spend
    from period
    cross join {{ ref('customer_profiles') }} as profiles
),

said_now as (
    select
        max(period.customers) as customers,
        max(case when said.as_of_date = period.as_of_date then said.customers end)
            as remembered_customers,
        max(case when said.as_of_date = period.as_of_date then said.said_spend end)
            as expected_spend,
        max(
            case
                when period.is_since_forecast and said.as_of_date = period.since_date
                    then said.said_spend
            end
        ) as expected_spend_before
    from period
    inner join said on period.longest_horizon_days = said.horizon_days
),

-- Of a large shop only a sample of the customers is remembered, whose total says nothing.
expected as (
    select * from said_now
    where remembered_customers = customers
),

figures as (
    select
        1 as place,
        'revenue' as figure,
        'Revenue' as label,
        'money' as format,
        cast(coalesce(revenue, 0) as decimal(38, 2)) as value,
        cast(coalesce(revenue_before, 0) as decimal(38, 2)) as value_before
    from orders
    union all
    select
        2 as place,
        'orders' as figure,
        'Orders' as label,
        'count' as format,
        cast(orders as decimal(38, 2)) as value,
        cast(orders_before as decimal(38, 2)) as value_before
    from orders
    union all
    select
        3 as place,
        'new_customers' as figure,
        'New customers' as label,
        'count' as format,
        cast(new_customers as decimal(38, 2)) as value,
        cast(new_customers_before as decimal(38, 2)) as value_before
    from customers
    union all
    select
        4 as place,
        'gone_silent' as figure,
        'Customers gone silent' as label,
        'count' as format,
        cast(gone_silent as decimal(38, 2)) as value,
        cast(null as decimal(38, 2)) as value_before
    from customers
    union all
    select
        5 as place,
        'silent_spend' as figure,
        'Their spend of the last 365 days' as label,
        'money' as format,
        cast(coalesce(silent_spend, 0) as decimal(38, 2)) as value,
        cast(null as decimal(38, 2)) as value_before
    from customers
    union all
    select
        6 as place,
        'expected_spend' as figure,
        'Expected spend' as label,
        'money' as format,
        cast(expected_spend as decimal(38, 2)) as value,
        cast(expected_spend_before as decimal(38, 2)) as value_before
    from expected
)

select
    figures.place,
    figures.figure,
    figures.label,
    figures.format,
    period.since_date,
    period.as_of_date,
    cast(period.days as integer) as days,
    period.is_since_forecast,
    figures.value,
    figures.value_before
from figures
cross join period
