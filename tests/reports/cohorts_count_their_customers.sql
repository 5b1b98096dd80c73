-- In the month of the first purchase all customers of a cohort have bought, and the
-- customers of a cohort are those whose first purchase was in its month.
{{ config(enabled=setting('smallest_group') == 1) }}
with sizes as (
    select
        first_purchase_month,
        count(*) as customers
    from {{ ref('customer_profiles') }}
    group by first_purchase_month
),

cohorts as (
    select
        first_purchase_month,
        sum(customers) as customers,
        sum(buyers) as buyers
    from {{ ref('cohorts') }}
    where months_since = 0
    group by first_purchase_month
)

select cohorts.*
from cohorts
left join sizes on cohorts.first_purchase_month = sizes.first_purchase_month
where
    sizes.customers is null
    or cohorts.customers <> sizes.customers
    or cohorts.buyers <> sizes.customers
