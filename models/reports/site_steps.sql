-- One row per step of all visits to the shop's site, and per group and step where visits
-- break off more often than elsewhere: the ten of these that lose most.
with placed as (
    select
        *,
        row_number() over (
            partition by is_break
            order by visits_lost desc, dimension asc, value asc, step_number asc
        ) as place
    from {{ ref('site_funnel') }}
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
    case when is_break then cast(place as integer) end as break_place
from placed
where dimension = 'all' or (is_break and place <= 10)
