-- The arms of a planned experiment agree, their shares fit into 1, and experiments of one
-- layer that run at the same time have slices apart.
with planned as (
    select
        experiment_id,
        count(distinct started_date) as starts,
        min(share) as least_share,
        sum(share) as shares,
        min(started_date) as started_date,
        coalesce(max(ended_date), cast('9999-12-31' as date)) as ended_date,
        max(layer) as layer,
        coalesce(min(layer_from), 0) as layer_from,
        coalesce(max(layer_to), 1) as layer_to
    from {{ ref('planned_experiments') }}
    group by experiment_id
)

select
    experiment_id,
    'the arms differ in started_date, or their shares are not above 0 and together up to 1'
        as problem
from planned
where starts > 1 or least_share <= 0 or shares > 1

union all

select
    one.experiment_id,
    'its slice of the layer overlaps with that of ' || two.experiment_id as problem
from planned as one
inner join planned as two on one.layer = two.layer
where
    one.experiment_id < two.experiment_id
    and one.layer_from < two.layer_to
    and one.layer_to > two.layer_from
    and one.started_date <= two.ended_date
    and one.ended_date >= two.started_date
