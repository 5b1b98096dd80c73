-- One row per day with first purchases and day on which these customers bought or
-- returned something: how many they are, and what they spent on that day. Days after the
-- longest horizon are left out.
{%- set longest = setting('horizons') | max %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

days as (
    select
        days.*,
        scoring.as_of_date
    from {{ ref('customer_days') }} as days
    inner join scoring on days.activity_date <= scoring.as_of_date
),

firsts as (
    select
        customer_key,
        activity_date as first_date,
        count(*) over (partition by activity_date) as customers
    from days
    where is_first_purchase
),

cohort_days as (
    select
        days.as_of_date,
        firsts.first_date,
        {{ days_between('firsts.first_date', 'days.activity_date') }} as age_days,
        firsts.customers,
        days.net_amount
    from firsts
    inner join days
        on
            firsts.customer_key = days.customer_key
            and firsts.first_date <= days.activity_date
)

select
    as_of_date,
    first_date,
    cast(age_days as integer) as age_days,
    cast(customers as integer) as customers,
    cast(sum(net_amount) as decimal(38, 4)) as spend
from cohort_days
where age_days < {{ longest }}
group by as_of_date, first_date, age_days, customers
