-- One row per step of all visits to the shop's site, and per group and step where visits
-- break off more often than elsewhere: the ten of these that lose most.
with funnel as (
    select * from {{ ref('site_funnel') }}
),

breaks as (
    select
        *,
        row_number() over (
            order by visits_lost desc, dimension asc, value asc, step_number asc
        ) as place
    from funnel
    where is_break
)

select
    dimension,
    value,
    step_number,
    step,
    visits,
    went_on,
    share_going_on,
    usual_share,
    visits_lost,
    cast(null as integer) as break_place
from funnel
where dimension = 'all'
union all
select
    dimension,
    value,
    step_number,
    step,
    visits,
    went_on,
    share_going_on,
    usual_share,
    visits_lost,
    cast(place as integer) as break_place
from breaks
where place <= 10
