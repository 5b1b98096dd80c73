-- One row per experiment, whoever assigns its customers.
with told as (
    select
        experiment_id,
        experiment_name,
        campaign_id,
        {{ shop_date('started_at') }} as started_date,
        {{ shop_date('ended_at') }} as ended_date
    from {{ ref('dim_experiments') }}
),

assigned as (
    select
        experiment_id,
        arm,
        min(assigned_date) as first_assigned_date
    from {{ ref('fct_assignments') }}
    group by experiment_id, arm
),

planned as (
    select
        experiment_id,
        max(experiment_name) as experiment_name,
        max(campaign_id) as campaign_id,
        min(started_date) as started_date,
        max(ended_date) as ended_date
    from {{ ref('planned_experiments') }}
    group by experiment_id
),

arms as (
    select
        experiment_id,
        arm
    from assigned
    union
    select
        experiment_id,
        lower(arm) as arm
    from {{ ref('planned_experiments') }}
),

in_order as (
    select
        arms.experiment_id,
        arms.arm,
        arm_meanings.meaning,
        row_number() over (
            partition by arms.experiment_id
            order by
                case arm_meanings.meaning
                    when 'held_out' then 0
                    when 'control' then 1
                    else 2
                end asc,
                arms.arm asc
        ) as place
    from arms
    left join {{ ref('arm_meanings') }} as arm_meanings on arms.arm = arm_meanings.arm
),

controls as (
    select
        experiment_id,
        arm as control_arm,
        coalesce(meaning = 'held_out', false) as is_hold_out
    from in_order
    where place = 1
),

elsewhere as (
    select
        experiment_id,
        min(first_assigned_date) as first_assigned_date
    from assigned
    group by experiment_id
),

known as (
    select experiment_id from told
    union
    select experiment_id from elsewhere
    union
    select experiment_id from planned
)

select
    known.experiment_id,
    coalesce(told.experiment_name, planned.experiment_name) as experiment_name,
    coalesce(told.campaign_id, planned.campaign_id) as campaign_id,
    coalesce(told.started_date, planned.started_date, elsewhere.first_assigned_date)
        as started_date,
    coalesce(told.ended_date, planned.ended_date) as ended_date,
    controls.control_arm,
    coalesce(controls.is_hold_out, false) as is_hold_out,
    case
        when told.experiment_id is null and elsewhere.experiment_id is null
            then 'project'
        else 'shop'
    end as assigned_by
from known
left join told on known.experiment_id = told.experiment_id
left join planned on known.experiment_id = planned.experiment_id
left join elsewhere on known.experiment_id = elsewhere.experiment_id
left join controls on known.experiment_id = controls.experiment_id
