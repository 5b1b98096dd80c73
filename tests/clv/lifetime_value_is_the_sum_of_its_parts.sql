-- The parts of a value add up to the cent, and only years that end after the longest horizon
-- are extrapolated.
with longest as (
    select max(horizon_days) as horizon_days from {{ ref('clv_predictions') }}
)

select customers.*
from {{ ref('customer_lifetime_value') }} as customers
cross join longest
where
    customers.lifetime_value <> customers.horizon_value + customers.tail_value
    or customers.total_value <> customers.historic_value + customers.lifetime_value
    or customers.lifetime_value < customers.horizon_value
    or abs(
        customers.extrapolated_share * cast(customers.lifetime_value as double)
        - cast(customers.tail_value as double)
    ) > 0.005
    or (
        customers.tail_value > 0
        and longest.horizon_days >= 365 * {{ setting('lifetime_years') }}
    )
