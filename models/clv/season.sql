-- One row per month of the year: how much busier it is than the average month, as the
-- forecasts have it.
select
    month,
    purchases_effect,
    amounts_effect,
    spend_effect
from {{ ref('season_effects') }}
