-- One row per customer of top_customers and direction: the smallest change of behaviour that
-- would move the customer to another tenth by value.
with top_customers as (
    select * from {{ ref('top_customers') }}
),

counterfactuals as (
    select * from {{ ref('counterfactuals') }}
)

select
    counterfactuals.customer_key,
    counterfactuals.direction,
    counterfactuals.value_decile,
    counterfactuals.other_value_decile,
    counterfactuals.scenario_label,
    counterfactuals.lifetime_value,
    counterfactuals.other_lifetime_value
from counterfactuals
inner join top_customers on counterfactuals.customer_key = top_customers.customer_key
where counterfactuals.scenario is not null
