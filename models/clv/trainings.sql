-- One row per training of the network: when it was, and whether its network was
-- accepted.
select
    network_version,
    trained_at,
    as_of_date,
    is_accepted,
    decision
from {{ ref('clv_network') }}
