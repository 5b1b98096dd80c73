-- Exactly the rows that are extrapolated have no forecast, and they lie after the longest
-- horizon.
with longest as (
    select max(horizon_days) as horizon_days from {{ ref('clv_scores') }}
    where is_longest_horizon
)

select scores.*
from {{ ref('clv_scores') }} as scores
cross join longest
where
    (scores.predicted_spend is null) <> scores.is_extrapolated
    or (scores.chance_of_buying is null) <> scores.is_extrapolated
    or (scores.expected_orders is null) <> scores.is_extrapolated
    or (scores.horizon_days > longest.horizon_days) <> scores.is_extrapolated
