-- A stored network that is not the one that was judged does not score: an earlier one, or
-- the prior, does. The row stays, so this only warns.
{{ config(severity='warn') }}
select
    networks.network_version,
    networks.as_of_date,
    networks.is_accepted
from {{ ref('clv_network') }} as networks
where not {{ network_is_intact('networks') }}
