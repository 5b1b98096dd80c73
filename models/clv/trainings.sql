-- One row per training of the network: when that was, and what came of it.
select
    network_version,
    trained_at,
    as_of_date,
    is_accepted,
    decision
from {{ ref('clv_network') }}
