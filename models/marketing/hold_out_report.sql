-- One row per hold-out and metric: what all marketing together has earned since it began,
-- by what the contacted customers brought more than those held out.
with results as (
    select * from {{ ref('experiment_results') }}
    where
        is_hold_out
        and segment_kind = 'all'
        and metric in ('conversion', 'orders', 'spend', 'capped_spend', 'margin', 'later_value')
),

contacted as (
    select
        outcomes.experiment_id,
        outcomes.arm,
        max(outcomes.last_date) as last_date,
        sum(outcomes.messages) as messages,
        sum(outcomes.message_cost) as message_cost
    from {{ ref('experiment_outcomes') }} as outcomes
    group by outcomes.experiment_id, outcomes.arm
)

select
    results.experiment_id,
    results.arm,
    results.metric,
    results.started_date,
    contacted.last_date,
    results.customers,
    results.control_customers as held_out_customers,
    cast(coalesce(contacted.messages, 0) as bigint) as messages,
    cast(coalesce(contacted.message_cost, 0) as decimal(38, 4)) as message_cost,
    cast(coalesce(held_out.messages, 0) as bigint) as messages_to_held_out,
    results.effect,
    results.effect_low,
    results.effect_high,
    results.effect * results.customers as total_effect,
    results.effect_low * results.customers as total_low,
    results.effect_high * results.customers as total_high,
    results.verdict
from results
left join contacted
    on results.experiment_id = contacted.experiment_id and results.arm = contacted.arm
left join contacted as held_out
    on
        results.experiment_id = held_out.experiment_id
        and results.control_arm = held_out.arm
