-- One row per action and guard rail: what is measured, the limit, and whether it stops the
-- action. The newest decisions count, as many as four horizons hold, whether their horizon
-- is over or not.
with today as (
    select * from {{ ref('action_day') }}
),

contacts as (
    select outcomes.*
    from {{ ref('action_outcomes') }} as outcomes
    cross join today
    where outcomes.action_date > {{ plus_days('today.as_of_date', '-4 * today.horizon_days') }}
),

measured as (
    select
        action,
        count(*) as contacts,
        avg(case when has_opted_out then 1e0 else 0e0 end) as opt_outs,
        cast(sum(returned) as double) / nullif(cast(sum(sales) as double), 0) as returns
    from contacts
    group by action
),

-- An action does harm where even the upper bound of its effect is below 0 in a segment.
harm as (
    select
        action,
        segment,
        effect + 1.959964e0 * effect_error as effect_high
    from {{ ref('fitted_effects') }}
    where
        left_out = 'none'
        and basis = 'log'
        and effect + 1.959964e0 * effect_error < 0
),

guards as (
    select
        actions.action,
        cast(null as string) as segment,
        'stopped by hand' as guard,
        cast(null as double) as measured,
        cast(null as double) as limit_value,
        cast(0 as bigint) as contacts,
        today.is_stopped
    from {{ ref('actions') }} as actions
    cross join today
    union all
    select
        actions.action,
        cast(null as string) as segment,
        'opt-outs' as guard,
        measured.opt_outs as measured,
        today.most_opt_outs as limit_value,
        coalesce(measured.contacts, 0) as contacts,
        coalesce(
            measured.contacts >= 30
            and measured.opt_outs
            - 1.959964e0 * sqrt(measured.opt_outs * (1 - measured.opt_outs) / measured.contacts)
            > today.most_opt_outs,
            false
        ) as is_stopped
    from {{ ref('actions') }} as actions
    cross join today
    left join measured on actions.action = measured.action
    union all
    select
        actions.action,
        cast(null as string) as segment,
        'returns' as guard,
        measured.returns as measured,
        today.most_returns as limit_value,
        coalesce(measured.contacts, 0) as contacts,
        coalesce(measured.contacts >= 30 and measured.returns > today.most_returns, false)
            as is_stopped
    from {{ ref('actions') }} as actions
    cross join today
    left join measured on actions.action = measured.action
    union all
    select
        harm.action,
        harm.segment,
        'harm' as guard,
        harm.effect_high as measured,
        0e0 as limit_value,
        coalesce(measured.contacts, 0) as contacts,
        true as is_stopped
    from harm
    left join measured on harm.action = measured.action
)

select
    action,
    coalesce(segment, 'all') as segment,
    guard,
    measured,
    limit_value,
    cast(contacts as bigint) as contacts,
    is_stopped
from guards
