-- One row per segment, set of actions and option in it: the chance with which an explored
-- customer gets the option. Half of it is even, so that no option is without evidence. The
-- other half is Thompson sampling: the share of 200 worlds, drawn from what is known of
-- the effects, in which the option gains most.
{%- set worlds = 200 %}
with candidates as (
    select * from {{ ref('action_candidates') }}
),

sets as (
    select
        customer_key,
        segment,
        {{ joined_texts('action', 'place') }} as considered
    from candidates
    group by customer_key, segment
),

cells as (
    select
        sets.segment,
        sets.considered,
        candidates.action,
        max(candidates.place) as place,
        max(candidates.effect) as effect,
        max(candidates.effect_error) as effect_error,
        max(candidates.cost) as cost,
        max(candidates.action_date) as action_date,
        {{ steady_mean('candidates.usual_margin', 'candidates.customer_key') }} as usual_margin
    from sets
    inner join candidates on sets.customer_key = candidates.customer_key
    group by sets.segment, sets.considered, candidates.action
),

worlds as (
    select {{ each_number(worlds) }} as world
),

drawn as (
    select
        cells.segment,
        cells.considered,
        cells.action,
        cells.place,
        worlds.world,
        (
            cells.effect
            + cells.effect_error
            * sqrt(-2 * ln({{ text_draw(
                "'radius ' || cells.action || ' ' || cells.segment || ' ' || cast(cells.action_date as string)"
                ~ " || ' ' || cast(worlds.world as string)"
            ) }}))
            * cos(2 * pi() * {{ text_draw(
                "'angle ' || cells.action || ' ' || cells.segment || ' ' || cast(cells.action_date as string)"
                ~ " || ' ' || cast(worlds.world as string)"
            ) }})
        ) * cells.usual_margin - cells.cost as gain
    from cells
    cross join worlds
    union all
    select distinct
        cells.segment,
        cells.considered,
        'nothing' as action,
        0 as place,
        worlds.world,
        0e0 as gain
    from cells
    cross join worlds
),

ranked as (
    select
        *,
        {{ gain_rank('segment, considered, world', 'gain', 'place') }} as gain_rank
    from drawn
),

counted as (
    select
        segment,
        considered,
        action,
        sum(case when gain_rank = 1 then 1 else 0 end) / {{ worlds }}e0 as share_of_worlds
    from ranked
    group by segment, considered, action
)

select
    segment,
    considered,
    action,
    0.5e0 * share_of_worlds
    + 0.5e0 / count(*) over (partition by segment, considered) as chance
from counted
