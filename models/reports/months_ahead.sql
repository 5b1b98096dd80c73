-- One row per month ahead and kind of buyers: what the whole shop can expect, to hold
-- against a budget.
with shop as (
    select * from {{ ref('shop') }}
),

season as (
    select * from {{ ref('season') }}
),

horizons as (
    select distinct
        first_date,
        last_date,
        low_factor,
        high_factor
    from {{ ref('expected_of_groups') }}
),

month_sums as (
    select
        month,
        max(days) as days,
        sum(expected_spend) as expected_spend
    from {{ ref('months_of_groups') }}
    group by month
),

-- A month may be as far off as the total of the first horizon that holds all of it.
known_customers as (
    select
        month_sums.*,
        cast(month_sums.expected_spend as double) * horizons.low_factor as low_spend,
        cast(month_sums.expected_spend as double) * horizons.high_factor as high_spend
    from month_sums
    cross join shop
    left join horizons
        on
            {{ plus_days(
                'greatest(month_sums.month, ' ~ plus_days('shop.as_of_date', 1) ~ ')',
                'month_sums.days - 1',
            ) }} between horizons.first_date and horizons.last_date
),

customers_to_come as (
    select * from {{ ref('customers_to_come') }}
    where is_scoring_date
),

-- Guests have no forecast of their own: they spend as in the last year, by the season.
past_days as (
    select {{ each_day(
        'greatest(first_order_date, ' ~ plus_days('as_of_date', -364) ~ ')', 'as_of_date'
    ) }} as day
    from shop
    where first_order_date <= as_of_date
),

past_weight as (
    select sum(season.spend_effect) as weight
    from past_days
    inner join season on extract(month from past_days.day) = season.month
),

guest_spend as (
    select sum(orders.net_amount) as spend
    from {{ ref('fct_orders') }} as orders
    inner join shop
        on
            orders.ordered_date <= shop.as_of_date
            and orders.ordered_date > {{ plus_days('shop.as_of_date', -365) }}
    where orders.customer_key is null
),

kinds as (
    select
        month,
        'known_customers' as kind,
        days,
        cast(null as double) as new_customers,
        expected_spend,
        cast({{ rounded('low_spend', 2) }} as decimal(38, 2)) as low_spend,
        cast({{ rounded('high_spend', 2) }} as decimal(38, 2)) as high_spend
    from known_customers
    union all
    select
        month,
        'customers_to_come' as kind,
        days,
        new_customers,
        expected_spend,
        low_spend,
        high_spend
    from customers_to_come
    union all
    select
        known_customers.month,
        'guests' as kind,
        known_customers.days,
        cast(null as double) as new_customers,
        cast(
            {{ rounded(
                'cast(guest_spend.spend as double) * known_customers.days'
                ~ ' * season.spend_effect / past_weight.weight',
                2,
            ) }} as decimal(38, 2)
        ) as expected_spend,
        cast(null as decimal(38, 2)) as low_spend,
        cast(null as decimal(38, 2)) as high_spend
    from known_customers
    inner join season on extract(month from known_customers.month) = season.month
    cross join past_weight
    cross join guest_spend
    where guest_spend.spend <> 0
)

select * from kinds
