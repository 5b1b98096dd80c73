-- Each customer is in one group of each dimension, the shop's value of a lifetime is the
-- mean of all total values to the cent, and a group's value lies within its range.
{{ config(enabled=setting('smallest_group') == 1) }}
with groups as (
    select
        dimension,
        period,
        sum(customers) as customers,
        sum(case when dimension = 'all' and period = 'lifetime' then value end) as value,
        count(case when value_low > value or value_high < value then 1 end) as outside
    from {{ ref('new_customer_values') }}
    group by
        dimension,
        period
),

known as (
    select
        count(*) as customers,
        sum(total_value) as total_value
    from {{ ref('customer_lifetime_value') }}
)

select *
from groups
cross join known
where
    groups.customers <> known.customers
    or groups.outside > 0
    or abs(cast(groups.value * known.customers - known.total_value as double))
    > 0.01 * known.customers
