-- One row, once a decision's horizon is over: what the log says of the policy that follows
-- the newest effects, the challenger, beside the policy that stands.
--
-- The estimate is doubly robust (learning/off_policy.py): what the effects expect of both
-- policies, corrected where a decision did what one of them would do. The challenger of a
-- customer is learned from the half of the customers that this one is not in. A customer's
-- decisions are not independent, so the error is that of sums by customer. A usual order that
-- was not seen adds to it, as in fitted_effects. Each build looks, so the verdict goes by a
-- bound that holds however often people look.
with decisions as (
    select
        *,
        {{ judged_half('customer_key') }} as half
    from {{ ref('action_outcomes') }}
    where is_over
),

actions as (
    select
        action,
        place,
        cost
    from {{ ref('actions') }}
),

effects as (
    select * from {{ ref('fitted_effects') }}
),

standing as (
    {{ standing_policy(left_by_earlier_runs('policies')) }}
),

standing_effects as (
    {{ standing_effects(left_by_earlier_runs('policies'), left_by_earlier_runs('policy_effects')) }}
),

parts as (
    select
        customer_key,
        action_date,
        segment,
        half,
        usual_margin,
        {{ each_part('considered', ' ') }} as option
    from decisions
),

options as (
    select
        parts.customer_key,
        parts.action_date,
        parts.option,
        coalesce(actions.place, 0) as place,
        coalesce(effects.effect * parts.usual_margin - actions.cost, 0e0) as gain,
        case
            when parts.option = 'nothing' then 0e0
            else
                coalesce(standing_effects.effect * parts.usual_margin - actions.cost, -1e300)
        end as standing_gain
    from parts
    left join actions on parts.option = actions.action
    left join effects
        on
            parts.option = effects.action
            and parts.segment = effects.segment
            and parts.half = effects.left_out
    left join standing_effects
        on
            parts.option = standing_effects.action
            and parts.segment = standing_effects.segment
    where parts.option = 'nothing' or actions.action is not null
),

ranked as (
    select
        *,
        {{ gain_rank('customer_key, action_date', 'gain', 'place') }} as challenger_rank,
        {{ gain_rank('customer_key, action_date', 'standing_gain', 'place') }}
            as standing_rank
    from options
),

choices as (
    select
        customer_key,
        action_date,
        max(case when challenger_rank = 1 then option end) as challenger_action,
        max(case when challenger_rank = 1 then gain end) as challenger_gain,
        max(case when standing_rank = 1 then option end) as standing_action,
        max(case when standing_rank = 1 then gain end) as standing_gain
    from ranked
    group by customer_key, action_date
),

judged as (
    select
        decisions.customer_key,
        decisions.usual_margin,
        decisions.margin - decisions.expected_margin - decisions.cost as reward,
        coalesce(ranked.gain, 0e0) as expected_reward,
        choices.challenger_gain - choices.standing_gain as expected_difference,
        case when decisions.action = choices.challenger_action then 1 else 0 end
        / decisions.propensity as challenger_weight,
        case when decisions.action = choices.standing_action then 1 else 0 end
        / decisions.propensity as standing_weight
    from decisions
    inner join choices
        on
            decisions.customer_key = choices.customer_key
            and decisions.action_date = choices.action_date
    left join ranked
        on
            decisions.customer_key = ranked.customer_key
            and decisions.action_date = ranked.action_date
            and decisions.action = ranked.option
),

by_customer as (
    select
        customer_key,
        count(*) as decisions,
        sum(
            expected_difference
            + (challenger_weight - standing_weight) * (reward - expected_reward)
        ) as difference,
        sum(challenger_weight) as challenger_weights,
        sum(challenger_weight * challenger_weight) as challenger_squares,
        sum(standing_weight) as standing_weights,
        sum(standing_weight * standing_weight) as standing_squares,
        max(abs(challenger_weight - standing_weight)) as largest_weight,
        avg(usual_margin) as usual_margin
    from judged
    group by customer_key
),

summed as (
    select
        count(*) as customers,
        sum(decisions) as decisions,
        {{ steady_sum('difference', 'customer_key') }} as difference,
        power({{ steady_sum('challenger_weights', 'customer_key') }}, 2)
        / nullif({{ steady_sum('challenger_squares', 'customer_key') }}, 0)
            as challenger_decisions,
        power({{ steady_sum('standing_weights', 'customer_key') }}, 2)
        / nullif({{ steady_sum('standing_squares', 'customer_key') }}, 0)
            as standing_decisions,
        max(largest_weight) as largest_weight,
        {{ steady_mean('usual_margin', 'customer_key') }} as usual_margin
    from by_customer
),

spread as (
    select
        {{ steady_sum(
            'power(by_customer.difference - by_customer.decisions * summed.difference'
            ~ ' / summed.decisions, 2)',
            'by_customer.customer_key'
        ) }} as squares
    from by_customer
    cross join summed
),

estimated as (
    select
        summed.customers,
        summed.decisions,
        summed.difference / summed.decisions as gain,
        sqrt(
            spread.squares * summed.customers / greatest(summed.customers - 1, 1)
            + power(1.882e0 * summed.largest_weight * summed.usual_margin, 2)
        ) / summed.decisions as gain_error,
        least(
            coalesce(summed.challenger_decisions, 0), coalesce(summed.standing_decisions, 0)
        ) as effective_decisions
    from summed
    cross join spread
    where summed.decisions > 0
),

bounded as (
    select
        *,
        gain - 1.959964e0 * gain_error as gain_low,
        gain + 1.959964e0 * gain_error as gain_high,
        gain - {{ always_bound_errors('customers') }} * gain_error as always_low,
        gain + {{ always_bound_errors('customers') }} * gain_error as always_high
    from estimated
)

select
    today.as_of_date,
    coalesce(standing.policy, 'nothing') as standing_policy,
    cast(bounded.customers as bigint) as customers,
    cast(bounded.decisions as bigint) as decisions,
    bounded.gain,
    bounded.gain_low,
    bounded.gain_high,
    bounded.always_low,
    bounded.always_high,
    bounded.effective_decisions,
    case
        when bounded.effective_decisions < 30 then 'cannot tell'
        when bounded.always_low > 0 then 'better'
        when bounded.always_high < 0 then 'worse'
        else 'cannot tell'
    end as verdict
from bounded
cross join {{ ref('action_day') }} as today
left join standing on 1 = 1
