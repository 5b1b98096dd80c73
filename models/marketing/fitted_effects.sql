-- One row per left-out half of the customers, action and segment: what the log of the
-- others says that the action adds, in orders of the customer's usual size. A policy that
-- was learned without a half is judged on it; without none left out it is the estimate
-- that counts.
--
-- Each mean is weighted by one over the propensity (the self-normalised estimator of
-- learning/off_policy.py), and the forecast that was made at the decision is taken off, so
-- that who was going to buy anyway adds no noise.
with decisions as (
    select
        *,
        (margin - expected_margin) / usual_margin as more_orders,
        1 / propensity as weight,
        {{ judged_half('customer_key') }} as half
    from {{ ref('action_outcomes') }}
    where is_over
),

actions as (
    select
        action,
        segments,
        offer,
        cost,
        expected_orders,
        expected_orders_error
    from {{ ref('actions') }}
),

halves as (
    select 'none' as left_out
    union all
    select 'a' as left_out
    union all
    select 'b' as left_out
),

options as (
    select
        decisions.*,
        {{ each_part('considered', ' ') }} as option
    from decisions
),

-- Of those for whom an action was considered, some got it and some got nothing.
compared as (
    select
        halves.left_out,
        options.option as action,
        options.segment,
        options.action = options.option as is_contacted,
        options.customer_key,
        options.action_date,
        options.weight,
        options.more_orders,
        options.usual_margin
    from options
    cross join halves
    where
        (options.action = options.option or options.action = 'nothing')
        and options.option <> 'nothing'
        and options.half <> halves.left_out
),

means as (
    select
        left_out,
        action,
        segment,
        is_contacted,
        count(*) as decisions,
        {{ steady_sum('weight', 'customer_key, action_date') }} as weights,
        {{ steady_sum('weight * weight', 'customer_key, action_date') }} as squares,
        {{ steady_sum('weight * more_orders', 'customer_key, action_date') }} as total,
        {{ steady_sum('weight * weight * more_orders', 'customer_key, action_date') }}
            as squares_total,
        {{ steady_sum('weight * weight * more_orders * more_orders', 'customer_key, action_date') }}
            as squares_squares,
        {{ steady_sum('usual_margin', 'customer_key, action_date') }} as usual_margins,
        max(weight) as largest_weight
    from compared
    group by left_out, action, segment, is_contacted
),

-- The second part of an error is the order that was not seen: with none among n rows of one
-- weight the mean may still be 3.689 / n, half an interval of 1.96 errors
-- (learning/off_policy.py). 3.689 / 1.96 = 1.882.
arms as (
    select
        left_out,
        action,
        segment,
        is_contacted,
        decisions,
        usual_margins,
        total / weights as mean,
        weights * weights / squares as effective_decisions,
        (
            squares_squares
            - 2 * total / weights * squares_total
            + total / weights * total / weights * squares
        ) / weights / weights * decisions / greatest(decisions - 1, 1)
        + power(1.882e0 * largest_weight / weights, 2) as variance
    from means
),

both_arms as (
    select
        left_out,
        action,
        segment,
        sum(case when is_contacted then decisions else 0 end) as contacted,
        sum(case when not is_contacted then decisions else 0 end) as left_alone,
        sum(usual_margins) / sum(decisions) as usual_margin,
        max(case when is_contacted then mean end)
        - max(case when not is_contacted then mean end) as measured_effect,
        sqrt(
            max(case when is_contacted then variance end)
            + max(case when not is_contacted then variance end)
        ) as measured_error,
        case
            when count(*) = 2 then min(effective_decisions)
            else 0e0
        end as effective_decisions
    from arms
    group by left_out, action, segment
),

cells as (
    select
        halves.left_out,
        parts.action,
        parts.segment
    from (
        select
            action,
            {{ each_part('segments', ' ') }} as segment
        from actions
    ) as parts
    cross join halves
),

-- What experiments say of an offer that is the same message takes the belief's place.
tried as (
    select
        actions.action,
        profiles.segment,
        {{ steady_mean('uplift.effect', 'uplift.customer_key') }} as effect,
        {{ steady_mean('uplift.effect_error', 'uplift.customer_key') }} as effect_error,
        {{ steady_mean(
            'profiles.average_order_value * margins.margin', 'uplift.customer_key'
        ) }} as usual_margin
    from actions
    inner join {{ ref('customer_uplift') }} as uplift on actions.offer = uplift.offer
    inner join {{ ref('customer_profiles') }} as profiles
        on uplift.customer_key = profiles.customer_key
    cross join {{ ref('shop_margin') }} as margins
    group by actions.action, profiles.segment
),

believed as (
    select
        cells.left_out,
        cells.action,
        cells.segment,
        beliefs.cost,
        case
            when tried.effect_error > 0 and tried.usual_margin > 0
                then tried.effect / tried.usual_margin
            else beliefs.expected_orders
        end as effect,
        case
            when tried.effect_error > 0 and tried.usual_margin > 0
                then tried.effect_error / tried.usual_margin
            else beliefs.expected_orders_error
        end as effect_error
    from cells
    inner join actions as beliefs on cells.action = beliefs.action
    left join tried on cells.action = tried.action and cells.segment = tried.segment
),

-- With fewer than 30 effective decisions the normal law, and with it the error, is not
-- to be believed.
evidence as (
    select
        believed.left_out,
        believed.action,
        believed.segment,
        cast(coalesce(both_arms.contacted, 0) as bigint) as contacted,
        cast(coalesce(both_arms.left_alone, 0) as bigint) as left_alone,
        coalesce(both_arms.effective_decisions, 0e0) as effective_decisions,
        both_arms.usual_margin,
        both_arms.measured_effect,
        both_arms.measured_error,
        believed.cost,
        believed.effect as believed_effect,
        believed.effect_error as believed_error,
        case
            when both_arms.effective_decisions >= 30
                then 1 / power(both_arms.measured_error, 2)
            else 0e0
        end as precision_of_log,
        1 / power(believed.effect_error, 2) as precision_of_belief
    from believed
    left join both_arms
        on
            believed.left_out = both_arms.left_out
            and believed.action = both_arms.action
            and believed.segment = both_arms.segment
)

select
    left_out,
    action,
    segment,
    contacted,
    left_alone,
    effective_decisions,
    usual_margin,
    cost,
    measured_effect,
    measured_error,
    believed_effect,
    believed_error,
    case when precision_of_log > 0 then 'log' else 'belief' end as basis,
    (
        precision_of_belief * believed_effect
        + precision_of_log * coalesce(measured_effect, 0)
    ) / (precision_of_belief + precision_of_log) as effect,
    1 / sqrt(precision_of_belief + precision_of_log) as effect_error
from evidence
