-- One row per customer and action that may be chosen today: what it is expected to gain,
-- with which product, and why. Nobody is here who must not be contacted, who is still
-- within the horizon of an earlier decision, or for whom no capacity is left.
with options as (
    select * from {{ ref('action_options') }}
    where hurdles = 0 and not is_decided
),

today as (
    select * from {{ ref('action_day') }}
),

earlier as (
    select * from {{ left_by_earlier_runs('next_best_actions') }} as remembered
),

used as (
    select
        earlier.action,
        count(*) as contacts,
        sum(case when earlier.action_date = today.action_date then 1 else 0 end)
            as contacts_today
    from earlier
    cross join today
    where
        earlier.action <> 'nothing'
        and earlier.action_date > {{ plus_days('today.action_date', -7) }}
    group by earlier.action
),

used_today as (
    select coalesce(sum(contacts_today), 0) as contacts from used
),

standing as (
    {{ standing_policy(ref('policies')) }}
),

valued as (
    select
        options.*,
        coalesce(used.contacts, 0) as used_contacts
    from options
    left join used on options.action = used.action
),

-- Caps are kept before chance draws, for those of most gain: so a propensity is the
-- chance that it says.
within_a_week as (
    select
        *,
        row_number() over (
            partition by action order by expected_gain desc, customer_key asc
        ) as position
    from valued
),

admitted as (
    select * from within_a_week
    where coalesce(position <= most_per_week - used_contacts, true)
),

best_of_customers as (
    select
        customer_key,
        row_number() over (order by max(expected_gain) desc, customer_key asc) as position
    from admitted
    group by customer_key
)

select
    admitted.customer_key,
    admitted.action_date,
    admitted.counted_until,
    admitted.segment,
    admitted.action,
    admitted.place,
    admitted.expires_date,
    admitted.product_id,
    admitted.reason,
    admitted.lifetime_value,
    admitted.usual_margin,
    admitted.expected_margin,
    admitted.cost,
    admitted.effect,
    admitted.effect_error,
    admitted.expected_gain,
    admitted.policy_gain,
    standing.policy
from admitted
inner join best_of_customers on admitted.customer_key = best_of_customers.customer_key
cross join used_today
cross join standing
where
    coalesce(best_of_customers.position <= admitted.contacts_per_day - used_today.contacts, true)
