-- One row per kind of segment and segment: who is in it, how many came and left, and what
-- to do next.
select
    segment_kind,
    segment,
    label,
    meaning,
    next_step,
    customers,
    customers_share,
    value_share,
    chance_of_buying,
    churn_risk,
    top_category,
    compared_date,
    customers_before,
    came,
    left_it
from {{ ref('segment_profiles') }}
