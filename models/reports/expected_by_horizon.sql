-- One row per horizon, segment, country and channel: the spend that is expected of the
-- customers up to the horizon, and since the horizon before it.
select
    horizon_days,
    segment,
    country,
    acquisition_channel,
    first_day,
    first_date,
    last_date,
    expected_spend,
    step_spend,
    low_factor,
    high_factor,
    past_forecasts,
    past_errors
from {{ ref('expected_of_groups') }}
where {{ is_shown_group('customers') }}
