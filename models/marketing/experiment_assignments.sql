-- One row per experiment and customer: the arm that chance gave, here or elsewhere.
with experiments as (
    select * from {{ ref('experiments') }}
),

planned as (
    select
        assignments.experiment_id,
        points.customer_key,
        assignments.arm,
        assignments.value_stratum,
        assignments.assigned_date
    from {{ ref('stg_sample_points') }} as points
    cross join (
        select distinct experiment_id from {{ ref('planned_assignments') }}
    ) as assigned
    inner join {{ ref('planned_assignments') }} as assignments
        on
            assigned.experiment_id = assignments.experiment_id
            and {{ experiment_unit('assigned.experiment_id', 'points.sample_point') }}
            = assignments.unit
    where assigned.experiment_id not in (
        select experiment_id from {{ ref('fct_assignments') }}
    )
),

assigned as (
    select
        experiment_id,
        customer_key,
        arm,
        cast(null as integer) as value_stratum,
        assigned_date,
        {{ shop_date('exposed_at') }} as exposed_date
    from {{ ref('fct_assignments') }}
    union all
    select
        experiment_id,
        customer_key,
        arm,
        value_stratum,
        assigned_date,
        cast(null as date) as exposed_date
    from planned
),

-- Where nobody says when a customer saw what was tried, the campaign's first message does.
sent as (
    select
        assigned.experiment_id,
        assigned.customer_key,
        min(sends.sent_date) as sent_date
    from assigned
    inner join experiments on assigned.experiment_id = experiments.experiment_id
    inner join {{ ref('fct_campaign_sends') }} as sends
        on
            assigned.customer_key = sends.customer_key
            and experiments.campaign_id = sends.campaign_id
            and assigned.assigned_date <= sends.sent_date
    where assigned.exposed_date is null
    group by assigned.experiment_id, assigned.customer_key
),

-- The shares that were planned, else those that came.
shares as (
    select
        experiment_id,
        arm,
        count(*) / cast(sum(count(*)) over (partition by experiment_id) as double) as share
    from assigned
    group by experiment_id, arm
)

select
    assigned.experiment_id,
    assigned.customer_key,
    assigned.arm,
    assigned.arm = experiments.control_arm as is_control,
    coalesce(arm_meanings.meaning = 'held_out', false) as is_held_out,
    coalesce(cast(planned_arms.share as double), shares.share) as share,
    assigned.value_stratum,
    assigned.assigned_date,
    coalesce(assigned.exposed_date, sent.sent_date) as exposed_date,
    experiments.ended_date,
    experiments.assigned_by
from assigned
inner join experiments on assigned.experiment_id = experiments.experiment_id
inner join shares
    on assigned.experiment_id = shares.experiment_id and assigned.arm = shares.arm
left join {{ ref('arm_meanings') }} as arm_meanings on assigned.arm = arm_meanings.arm
left join {{ ref('planned_experiments') }} as planned_arms
    on
        assigned.experiment_id = planned_arms.experiment_id
        and assigned.arm = lower(planned_arms.arm)
left join sent
    on
        assigned.experiment_id = sent.experiment_id
        and assigned.customer_key = sent.customer_key
