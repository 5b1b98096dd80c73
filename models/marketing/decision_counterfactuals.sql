-- One row per customer for whom an action is meant today: what was decided, and the smallest
-- thing that would have changed it.
{%- set words = {
    'quiet_day': "'On a day that is not quiet'",
    'earlier_decision': "'Once the earlier decision is over'",
    'off_limits': "'If the customer were not held out and might be contacted'",
    'no_consent': "'With consent to ' || other_purpose",
    'stopped': "'If no guard rail had stopped the action'",
    'just_bought': "'After the rest that follows an order'",
    'unhappy': "'With a better last review'",
    'enough_messages': "'With fewer messages of late'",
    'no_product': "'With a product to recommend'",
    'no_capacity': "'With room under the caps'",
} %}
with today as (
    select * from {{ ref('action_day') }}
),

standing as (
    {{ standing_policy(ref('policies')) }}
),

decisions as (
    select decisions.*
    from {{ ref('next_best_actions') }} as decisions
    inner join today on decisions.action_date = today.action_date
),

-- What no rule stands against and was not considered had no room under the caps.
options as (
    select
        options.customer_key,
        options.action_date,
        options.segment,
        options.action,
        options.place,
        options.purpose,
        options.usual_margin,
        options.cost,
        options.effect,
        options.policy_gain,
        case
            when standing.policy = 'nothing' then options.expected_gain
            else options.policy_gain
        end as gain,
        standing.policy,
        decisions.action as chosen,
        decisions.is_explored,
        decisions.propensity,
        options.hurdles = 0 and decisions.customer_key is not null
        and ' ' || decisions.considered || ' ' like '% ' || options.action || ' %' as is_considered,
        case
            when options.hurdles > 0 then options.hurdles
            when ' ' || decisions.considered || ' ' like '% ' || options.action || ' %' then 0
            else 1
        end as hurdles,
        case when options.hurdles > 0 then options.hurdle else 'no_capacity' end as hurdle
    from {{ ref('action_options') }} as options
    cross join standing
    left join decisions on options.customer_key = decisions.customer_key
),

customers as (
    select
        customer_key,
        action_date,
        segment,
        policy,
        chosen,
        is_explored,
        propensity,
        max(usual_margin) as usual_margin,
        coalesce(max(case when action = chosen then gain end), 0e0) as gain,
        max(case when action = chosen then effect end) as effect,
        max(case when action = chosen then cost end) as cost
    from options
    group by customer_key, action_date, segment, policy, chosen, is_explored, propensity
),

-- What was considered and not chosen.
others as (
    select
        options.customer_key,
        options.action,
        options.place,
        options.purpose,
        options.cost,
        options.effect,
        options.policy_gain,
        options.gain
    from options
    where options.is_considered and options.action <> options.chosen
    union all
    select
        customer_key,
        'nothing' as action,
        0 as place,
        cast(null as string) as purpose,
        0e0 as cost,
        0e0 as effect,
        0e0 as policy_gain,
        0e0 as gain
    from customers
    where chosen <> 'nothing'
),

ranked as (
    select
        *,
        {{ gain_rank('customer_key', 'coalesce(gain, -1e300)', 'place') }} as gain_rank,
        {{ gain_rank('customer_key', 'coalesce(policy_gain, -1e300)', 'place') }} as policy_rank
    from others
),

hindered as (
    select
        *,
        {{ gain_rank('customer_key', 'coalesce(gain, -1e300)', 'place') }} as gain_rank
    from options
    where hurdles = 1
),

most_hindered as (
    select
        customer_key,
        min(hurdle) as hurdle
    from options
    where hurdles > 1
    group by customer_key
),

compared as (
    select
        customers.*,
        runner_up.action as runner_up,
        runner_up.gain as runner_up_gain,
        runner_up.effect as runner_up_effect,
        runner_up.cost as runner_up_cost,
        by_policy.action as of_policy,
        hindered.action as hindered_action,
        hindered.purpose as other_purpose,
        hindered.gain as hindered_gain,
        hindered.hurdle,
        most_hindered.hurdle as hurdles,
        case
            when customers.is_explored then 'chance'
            when
                customers.chosen is null
                or (customers.policy <> 'nothing' and hindered.gain > customers.gain)
                then hindered.hurdle
            when customers.policy = 'nothing' and runner_up.gain > customers.gain then 'policy'
            when runner_up.gain is not null then 'effect'
        end as changed_by
    from customers
    left join ranked as runner_up
        on customers.customer_key = runner_up.customer_key and runner_up.gain_rank = 1
    left join ranked as by_policy
        on customers.customer_key = by_policy.customer_key and by_policy.policy_rank = 1
    left join hindered
        on customers.customer_key = hindered.customer_key and hindered.gain_rank = 1
    left join most_hindered on customers.customer_key = most_hindered.customer_key
),

settled as (
    select
        *,
        case
            when changed_by = 'chance' then of_policy
            when changed_by in ('policy', 'effect') then runner_up
            when changed_by is not null then hindered_action
        end as other_action,
        case
            when changed_by <> 'effect' then cast(null as double)
            when runner_up = 'nothing' then cost / usual_margin
            else (gain + runner_up_cost) / usual_margin
        end as needed_effect
    from compared
)

select
    customer_key,
    action_date,
    segment,
    chosen as action,
    policy,
    case when chosen is not null then gain end as gain,
    runner_up,
    runner_up_gain,
    gain - runner_up_gain as gain_gap,
    changed_by,
    other_action,
    needed_effect,
    case
        when changed_by = 'chance'
            then
                'Chance chose ' || chosen || ', which it does in '
                || {{ percent_text('propensity') }} || ' of such cases; the policy chooses '
                || other_action || '.'
        when changed_by = 'policy'
            then
                'The policy that stands leaves customers alone. By what is known of its effect, '
                || other_action || ' would gain ' || {{ money_text('runner_up_gain') }}
                || ', and a policy that follows that would choose it.'
        when changed_by = 'effect' and runner_up = 'nothing'
            then
                'Nothing would be done if ' || chosen || ' added less than '
                || {{ effect_text('needed_effect') }} || ' orders; it is expected to add '
                || {{ effect_text('effect') }} || '.'
        when changed_by = 'effect'
            then
                'It would be ' || other_action || ' if that added '
                || {{ effect_text('needed_effect') }} || ' orders; it is expected to add '
                || {{ effect_text('runner_up_effect') }} || '.'
        {%- for hurdle, text in words.items() %}
        when changed_by = '{{ hurdle }}'
            then
                {{ text }} || case
                    when policy <> 'nothing' and hindered_gain > 0
                        then ', it would have been ' || hindered_action
                    else ', ' || hindered_action || ' might have been chosen, by chance'
                end || coalesce(
                    ', with an expected gain of ' || {{ money_text('hindered_gain') }}, ''
                ) || '.'
        {%- endfor %}
        when chosen is null
            then
                'No single rule: these stand against the action together: '
                || replace(replace(hurdles, ' ', ', '), '_', ' ') || '.'
        else 'Nothing else is known of it.'
    end as statement
from settled
