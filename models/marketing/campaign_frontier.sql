-- One row per budget and policy: what handing out offers would gain.
select
    scoring.as_of_date,
    cast({{ rounded('points.budget', 4) }} as decimal(18, 4)) as budget,
    points.is_planned,
    points.policy,
    points.customers,
    cast({{ rounded('points.cost', 4) }} as decimal(18, 4)) as cost,
    points.gain,
    points.gain_low,
    points.gain_high,
    points.cautious_gain,
    points.shadow_price,
    points.gap
from {{ ref('frontier_points') }} as points
cross join {{ ref('as_of_dates') }} as scoring
where scoring.is_scoring_date
