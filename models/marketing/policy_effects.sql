-- One row per policy, action and segment: the effect by which the policy chooses, in
-- orders of the customer's usual size. A run adds those of the policy that it adds. The
-- policy `nothing` has no rows, and so does nothing.
with earlier as (
    select distinct policy
    from {{ left_by_earlier_runs('policy_effects') }} as remembered
)

select
    policies.policy,
    effects.action,
    effects.segment,
    effects.effect
from {{ ref('policies') }} as policies
inner join {{ ref('action_day') }} as today on policies.decided_date = today.action_date
cross join {{ ref('fitted_effects') }} as effects
left join earlier on policies.policy = earlier.policy
where
    policies.policy <> 'nothing'
    and earlier.policy is null
    and effects.left_out = 'none'
