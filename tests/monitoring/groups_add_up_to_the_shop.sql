{{ config(enabled=setting('smallest_group') == 1) }}
-- Returns attributes whose groups together are not all customers, or not all their money.
with groups as (
    select
        horizon_days,
        attribute,
        sum(customers) as customers,
        sum(buyers) as buyers,
        sum(predicted_spend) as predicted_spend,
        sum(actual_spend) as actual_spend,
        count(*) as parts
    from {{ ref('generalisation') }}
    where attribute <> 'shop'
    group by horizon_days, attribute
),

shop as (
    select * from {{ ref('generalisation') }}
    where attribute = 'shop'
)

select
    groups.horizon_days,
    groups.attribute
from groups
left join shop on groups.horizon_days = shop.horizon_days
where
    shop.customers is null
    or groups.customers <> shop.customers
    or groups.buyers <> shop.buyers
    -- Each group is rounded to the cent.
    or abs(groups.predicted_spend - shop.predicted_spend) > 0.01 * groups.parts
    or abs(groups.actual_spend - shop.actual_spend) > 0.01 * groups.parts
