-- One row per customer, scenario and day with a purchase or return, those of the scenario
-- among them: customer_days as they would have been. Further orders are spread evenly over
-- the days since the last purchase, and the last of them is of the scoring date.
with histories as (
    select * from {{ ref('counterfactual_histories') }}
),

numbers as (
    select {{ each_number(10) }} as number
),

happened as (
    select
        histories.scenario,
        histories.further_orders > 0 or histories.is_return as is_changed,
        days.*
    from histories
    inner join {{ ref('customer_days') }} as days
        on
            histories.customer_key = days.customer_key
            and histories.scoring_date >= days.activity_date
),

-- The customer buys what they bought before.
bought as (
    select
        histories.customer_key,
        histories.scenario,
        {{ plus_days(
            'histories.last_purchase_date',
            'floor(1e0 * histories.recency_days * numbers.number / histories.further_orders)',
        ) }} as activity_date,
        1 as orders,
        histories.items_per_order as items,
        histories.amount as purchase_amount,
        histories.amount as net_amount,
        0 as new_products
    from histories
    inner join numbers on histories.further_orders >= numbers.number
),

returned as (
    select
        customer_key,
        scenario,
        scoring_date as activity_date,
        0 as orders,
        0 as items,
        0 as purchase_amount,
        0 - amount as net_amount,
        0 as new_products
    from histories
    where is_return
),

together as (
    select
        customer_key,
        scenario,
        activity_date,
        orders,
        items,
        purchase_amount,
        net_amount,
        new_products
    from happened
    where is_changed
    union all
    select * from bought
    union all
    select * from returned
),

days as (
    select
        customer_key,
        scenario,
        activity_date,
        cast(sum(orders) as integer) as orders,
        cast(sum(items) as decimal(18, 3)) as items,
        cast(sum(purchase_amount) as decimal(38, 4)) as purchase_amount,
        cast(sum(net_amount) as decimal(38, 4)) as net_amount,
        cast(sum(new_products) as integer) as new_products
    from together
    group by customer_key, scenario, activity_date
)

{{ with_gaps('days', 'scenario') }}

union all

-- Silence changes no day.
select
    customer_key,
    scenario,
    activity_date,
    orders,
    items,
    purchase_amount,
    returned_amount,
    net_amount,
    new_products,
    is_purchase,
    gap_days,
    is_first_purchase
from happened
where not is_changed
