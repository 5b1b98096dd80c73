-- One row per channel and age: what the shop earns from a customer whom the channel won.
-- The ten channels with most customers, and all customers together.
{%- set ages = [0, 2, 5, 11] %}
with cohorts as (
    select * from {{ ref('cohort_values') }}
    where dimension in ('all', 'channel') and age_months in ({{ ages | join(', ') }})
),

ranked as (
    select
        *,
        row_number() over (
            partition by dimension, age_months
            order by customers desc, group_name asc
        ) as place
    from cohorts
)

select
    dimension = 'all' as is_shop,
    group_name as channel,
    cast(age_months + 1 as integer) as months,
    customers,
    observed_customers,
    is_complete,
    reached_2_share,
    drawn_value_per_customer,
    expected_value_per_customer
from ranked
where place <= 10
