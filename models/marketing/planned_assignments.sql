-- One row per planned experiment and unit: the arm that chance gave. A run gives the units
-- that no earlier run has assigned. Where units are assigned, whatever changes later (the
-- shares, the customer's value, the secret key) moves none of them.
with earlier as (
    select * from {{ left_by_earlier_runs('planned_assignments') }} as remembered
),

-- Features know the scoring date to its end, so the next day is the first one.
today as (
    select {{ plus_days('as_of_date', 1) }} as assigned_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- A run for an earlier date assigns nobody: it would write into the past.
newest as (
    select max(assigned_date) as assigned_date from earlier
),

arms as (
    select
        planned.experiment_id,
        lower(planned.arm) as arm,
        planned.layer,
        coalesce(planned.layer_from, 0) as layer_from,
        coalesce(planned.layer_to, 1) as layer_to,
        coalesce(planned.value_strata, 1) as value_strata,
        coalesce(arm_meanings.meaning = 'held_out', false) as is_held_out,
        today.assigned_date,
        cast(sum(planned.share) over in_order as double) as share_to,
        cast(sum(planned.share) over in_order - planned.share as double) as share_from
    from {{ ref('planned_experiments') }} as planned
    left join {{ ref('arm_meanings') }} as arm_meanings
        on lower(planned.arm) = arm_meanings.arm
    cross join today
    cross join newest
    where
        planned.started_date <= today.assigned_date
        and coalesce(planned.ended_date >= today.assigned_date, true)
        and coalesce(newest.assigned_date <= today.assigned_date, true)
        -- What was assigned elsewhere stands.
        and planned.experiment_id not in (
            select experiment_id from {{ ref('fct_assignments') }}
        )
    window in_order as (partition by planned.experiment_id order by lower(planned.arm))
),

running as (
    select
        experiment_id,
        assigned_date,
        max(layer) as layer,
        cast(min(layer_from) as double) as layer_from,
        cast(max(layer_to) as double) as layer_to,
        max(value_strata) as value_strata,
        max(case when is_held_out then 1 else 0 end) = 1 as is_hold_out
    from arms
    group by experiment_id, assigned_date
),

-- Whom the shop knows on the day before.
customers as (
    select
        points.customer_key,
        points.sample_point,
        coalesce(cast(lifetime_values.lifetime_value as double), 0e0) as lifetime_value
    from {{ ref('dim_customers') }} as known
    inner join {{ ref('stg_sample_points') }} as points
        on known.customer_key = points.customer_key
    left join {{ ref('customer_lifetime_value') }} as lifetime_values
        on known.customer_key = lifetime_values.customer_key
    cross join today
    where
        lifetime_values.customer_key is not null
        or {{ shop_date('known.signed_up_at') }} < today.assigned_date
),

held_out_elsewhere as (
    select distinct assignments.customer_key
    from {{ ref('fct_assignments') }} as assignments
    inner join {{ ref('arm_meanings') }} as arm_meanings
        on assignments.arm = arm_meanings.arm
    left join {{ ref('dim_experiments') }} as experiments
        on assignments.experiment_id = experiments.experiment_id
    cross join today
    where
        arm_meanings.meaning = 'held_out'
        and coalesce({{ shop_date('experiments.ended_at') }} >= today.assigned_date, true)
),

units as (
    select
        running.experiment_id,
        running.assigned_date,
        running.is_hold_out,
        running.layer,
        running.layer_from,
        running.layer_to,
        running.value_strata,
        customers.customer_key,
        customers.lifetime_value,
        {{ experiment_unit('running.experiment_id', 'customers.sample_point') }} as unit,
        {{ experiment_unit("'layer ' || running.layer", 'customers.sample_point') }}
            as layer_unit
    from running
    cross join customers
),

new_units as (
    select
        units.*,
        {{ unit_draw('units.unit') }} as draw
    from units
    left join earlier
        on units.experiment_id = earlier.experiment_id and units.unit = earlier.unit
    where
        earlier.unit is null
        and coalesce(
            {{ unit_draw('units.layer_unit') }} >= units.layer_from
            and {{ unit_draw('units.layer_unit') }} < units.layer_to,
            true
        )
),

-- Hold-outs are drawn first, for nobody in them takes part in anything else.
hold_outs as (
    select
        new_units.customer_key,
        new_units.experiment_id,
        new_units.unit,
        new_units.assigned_date,
        arms.arm,
        arms.is_held_out
    from new_units
    inner join arms
        on
            new_units.experiment_id = arms.experiment_id
            and new_units.draw >= arms.share_from
            and new_units.draw < arms.share_to
    where new_units.is_hold_out
),

held_out as (
    select customer_key from held_out_elsewhere
    union
    select customer_key from hold_outs
    where is_held_out
    union
    select units.customer_key
    from units
    inner join earlier
        on units.experiment_id = earlier.experiment_id and units.unit = earlier.unit
    inner join {{ ref('arm_meanings') }} as arm_meanings
        on earlier.arm = arm_meanings.arm
    where arm_meanings.meaning = 'held_out'
),

others as (
    select new_units.*
    from new_units
    left join held_out on new_units.customer_key = held_out.customer_key
    where held_out.customer_key is null and not new_units.is_hold_out
),

grouped as (
    select
        *,
        cast(floor(
            value_strata * (
                row_number() over (
                    partition by experiment_id order by lifetime_value asc, unit asc
                ) - 1
            ) / cast(count(*) over (partition by experiment_id) as double)
        ) as integer) + 1 as value_stratum
    from others
),

-- Within a stratum the customers stand in line by their draws, and the arms take turns
-- along the line, from a place that the first one's unit draws: so each arm gets its share
-- of each stratum, be it of a single customer, by chance.
placed as (
    select
        experiment_id,
        assigned_date,
        unit,
        case when value_strata > 1 then value_stratum end as value_stratum,
        case
            when value_strata > 1
                then
                    (
                        row_number() over in_line - 1
                        + {{ unit_draw("substr(first_value(unit) over in_line, 8, 7)") }}
                    ) / cast(count(*) over (partition by experiment_id, value_stratum) as double)
            else draw
        end as place
    from grouped
    window in_line as (
        partition by experiment_id, value_stratum order by draw asc, unit asc
    )
),

assigned as (
    select
        experiment_id,
        unit,
        arm,
        cast(null as integer) as value_stratum,
        assigned_date
    from hold_outs
    union all
    select
        placed.experiment_id,
        placed.unit,
        arms.arm,
        placed.value_stratum,
        placed.assigned_date
    from placed
    inner join arms
        on
            placed.experiment_id = arms.experiment_id
            and placed.place >= arms.share_from
            and placed.place < arms.share_to
)

-- Two customers with one sample point, of whom a million customers have some two thousand
-- pairs, are one unit.
select
    experiment_id,
    unit,
    min(arm) as arm,
    cast(min(value_stratum) as integer) as value_stratum,
    min(assigned_date) as assigned_date
from assigned
group by experiment_id, unit
