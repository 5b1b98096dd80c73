-- One row per month, segment, country and channel: the spend that is expected of the
-- customers.
select
    month,
    segment,
    country,
    acquisition_channel,
    days,
    expected_spend
from {{ ref('months_of_groups') }}
where {{ is_shown_group('customers') }}
