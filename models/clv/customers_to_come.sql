-- One row per forecast date and month after it: the customers still to come, what they
-- are expected to spend and, of past forecasts, what came of it.
with arrivals as (
    select * from {{ ref('arrivals') }}
)

select
    as_of_date,
    is_scoring_date,
    month,
    days,
    new_customers,
    cast({{ rounded('expected_spend', 2) }} as decimal(38, 2)) as expected_spend,
    cast({{ rounded('low_spend', 2) }} as decimal(38, 2)) as low_spend,
    cast({{ rounded('high_spend', 2) }} as decimal(38, 2)) as high_spend,
    actual_new_customers,
    cast({{ rounded('actual_spend', 2) }} as decimal(38, 2)) as actual_spend
from arrivals
