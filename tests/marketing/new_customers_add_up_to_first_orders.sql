-- All groups of a dimension together have the new customers of first_orders, and values lie
-- within their ranges.
{{ config(enabled=setting('smallest_group') == 1) }}
with groups as (
    select
        dimension,
        sum(new_customers) as customers,
        count(
            case
                when
                    value_365_days_low > value_365_days
                    or value_365_days_high < value_365_days
                    or most_to_pay_low > most_to_pay
                    then 1
            end
        ) as outside
    from {{ ref('acquisition_economics') }}
    group by dimension
),

known as (
    select count(*) as customers
    from {{ ref('first_orders') }}
)

select *
from groups
cross join known
where groups.customers <> known.customers or groups.outside > 0
