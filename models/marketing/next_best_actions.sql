-- One row per customer and day on which something could be done: what is to be done, or
-- nothing, why, and with which propensity it was chosen. A run decides for those who have
-- no decision yet whose horizon goes on, so that a day that is built again keeps its own.
with candidates as (
    select * from {{ ref('action_candidates') }}
),

today as (
    select * from {{ ref('action_day') }}
),

customers as (
    select
        candidates.customer_key,
        candidates.action_date,
        candidates.counted_until,
        candidates.segment,
        candidates.policy,
        case
            when candidates.policy = 'nothing' then today.explored_share_at_first
            else today.explored_share
        end as explored_share,
        {{ joined_texts('candidates.action', 'candidates.place') }} as considered,
        max(candidates.lifetime_value) as lifetime_value,
        max(candidates.usual_margin) as usual_margin,
        max(candidates.expected_margin) as expected_margin
    from candidates
    cross join today
    group by
        candidates.customer_key,
        candidates.action_date,
        candidates.counted_until,
        candidates.segment,
        candidates.policy,
        today.explored_share_at_first,
        today.explored_share
),

options as (
    select
        customer_key,
        action,
        place,
        coalesce(policy_gain, -1e300) as policy_gain
    from candidates
    union all
    select
        customer_key,
        'nothing' as action,
        0 as place,
        0e0 as policy_gain
    from customers
),

ranked as (
    select
        *,
        {{ gain_rank('customer_key', 'policy_gain', 'place') }} as gain_rank
    from options
),

chances as (
    select
        customers.customer_key,
        ranked.action,
        ranked.place,
        ranked.gain_rank = 1 as is_policy,
        case when ranked.gain_rank = 1 then 1 - customers.explored_share else 0e0 end
        + customers.explored_share * chances.chance as propensity,
        {{ text_draw(
            "customers.customer_key || ' ' || cast(customers.action_date as string) || ' ' || ranked.action"
        ) }} as draw
    from customers
    inner join ranked on customers.customer_key = ranked.customer_key
    inner join {{ ref('action_chances') }} as chances
        on
            customers.segment = chances.segment
            and customers.considered = chances.considered
            and ranked.action = chances.action
    where customers.explored_share > 0 or ranked.gain_rank = 1
),

-- Of clocks that run at the propensities as their rates, the one that rings first is each
-- option's with just its propensity.
clocks as (
    select
        *,
        cast(0 - ln(draw) / propensity as double) as rings_at
    from chances
),

raced as (
    select
        *,
        row_number() over (
            partition by customer_key order by rings_at asc, place asc
        ) as finish
    from clocks
),

chosen as (
    select * from raced
    where finish = 1
)

select
    customers.customer_key,
    customers.action_date,
    chosen.action,
    customers.segment,
    coalesce(
        candidates.reason,
        case
            when chosen.is_policy then 'Nothing pays here, by the policy that stands'
            else 'Chance left the customer alone, to compare others with'
        end
    ) as reason,
    candidates.product_id,
    coalesce(candidates.expected_gain, 0e0) as expected_gain,
    customers.lifetime_value,
    customers.usual_margin,
    customers.expected_margin,
    coalesce(candidates.cost, 0e0) as cost,
    not chosen.is_policy as is_explored,
    chosen.propensity,
    customers.considered || ' nothing' as considered,
    customers.policy,
    coalesce(candidates.expires_date, customers.counted_until) as expires_date,
    customers.counted_until
from customers
inner join chosen on customers.customer_key = chosen.customer_key
left join candidates
    on
        chosen.customer_key = candidates.customer_key
        and chosen.action = candidates.action
