-- Each dimension that puts a customer into one group has, at each age, the orders and the
-- money of all customers. The groups' money is rounded to cents.
{{ config(enabled=setting('smallest_group') == 1) }}
with grid as (
    select * from {{ ref('cohort_values') }}
),

all_customers as (
    select * from grid
    where dimension = 'all'
),

dimensions as (
    select
        dimension,
        age_months,
        count(*) as all_groups,
        sum(observed_customers) as observed_customers,
        sum(buyers) as buyers,
        sum(orders) as orders,
        sum(net_sales) as net_sales,
        sum(margin_amount) as margin_amount
    from grid
    where dimension not in ('all', 'coupon', 'tag')
    group by dimension, age_months
)

select dimensions.*
from dimensions
inner join all_customers
    on
        dimensions.age_months = all_customers.age_months
        and (
            dimensions.observed_customers <> all_customers.observed_customers
            or dimensions.buyers <> all_customers.buyers
            or dimensions.orders <> all_customers.orders
            or abs(dimensions.net_sales - all_customers.net_sales)
            > 0.01 * dimensions.all_groups
            or abs(dimensions.margin_amount - all_customers.margin_amount)
            > 0.01 * dimensions.all_groups
        )
