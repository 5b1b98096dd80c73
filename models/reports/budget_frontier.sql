-- One row per budget for offers and way to hand them out: what it costs and is expected to
-- gain.
select
    budget,
    policy,
    is_planned,
    customers,
    cost,
    gain,
    gain_low,
    gain_high,
    shadow_price
from {{ ref('campaign_frontier') }}
