-- Each customer has a row up and a row down, and as many customers as there are, or as var
-- counterfactual_customers says. A change moves the customer over the limit, to a tenth
-- on the right side, whose limits hold the value.
with counterfactuals as (
    select * from {{ ref('counterfactuals') }}
),

tenths as (
    select
        value_decile,
        min(lifetime_value) as least_value,
        count(*) as customers
    from {{ ref('customer_lifetime_value') }}
    group by value_decile
),

everybody as (
    select sum(customers) as customers from tenths
),

last_tenth as (
    select max(value_decile) as value_decile from tenths
),

counted as (
    select
        sum(case when direction = 'up' then 1 else 0 end) as upward,
        sum(case when direction = 'down' then 1 else 0 end) as downward,
        count(distinct customer_key) as customers
    from counterfactuals
)

select
    cast(null as string) as customer_key,
    'customers' as wrong
from counted
cross join everybody
where
    counted.customers <> least(everybody.customers, {{ setting('counterfactual_customers') }})
    or counted.upward <> counted.customers
    or counted.downward <> counted.customers

union all

select
    counterfactuals.customer_key,
    'tenth' as wrong
from counterfactuals
inner join tenths on counterfactuals.other_value_decile = tenths.value_decile
cross join last_tenth
left join tenths as better on tenths.value_decile = better.value_decile + 1
where
    -- Who would be worth less than anybody is in the last tenth.
    (
        counterfactuals.other_lifetime_value < tenths.least_value
        and tenths.value_decile < last_tenth.value_decile
    )
    or counterfactuals.other_lifetime_value >= better.least_value

union all

select
    customer_key,
    'direction' as wrong
from counterfactuals
where
    (
        direction = 'up'
        and not (
            other_value_decile < value_decile
            and other_lifetime_value > lifetime_value
            and other_lifetime_value >= limit_value
        )
    )
    or (
        direction = 'down'
        and not (
            other_value_decile > value_decile
            and other_lifetime_value < lifetime_value
            and other_lifetime_value < limit_value
        )
    )
    or (scenario is null) <> (other_value_decile is null)
