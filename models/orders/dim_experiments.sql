{{ config(materialized="view") }}
-- One row per experiment of the feed experiments.
select
    experiment_id,
    experiment_name,
    campaign_id,
    started_at,
    ended_at
from {{ ref('checked_experiments') }}
where rejection_reason is null
