-- One row per policy that ever stood: since when, in place of which, and why. A run adds
-- one if there is none yet, or if the log says that the challenger earns more than the
-- policy that stands.
with earlier as (
    select * from {{ left_by_earlier_runs('policies') }} as remembered
),

newest as (
    select max(decided_date) as decided_date from earlier
),

today as (
    select * from {{ ref('action_day') }}
),

first_policy as (
    select
        case when today.first_policy_acts then 'beliefs' else 'nothing' end as policy,
        today.action_date as decided_date,
        cast(null as string) as replaces,
        cast(null as bigint) as decisions,
        cast(null as double) as gain,
        cast(null as double) as gain_low,
        cast(null as double) as gain_high,
        cast(null as double) as effective_decisions,
        case
            when today.first_policy_acts
                then
                    'The first policy follows the beliefs of reference.actions, because'
                    || ' reference.action_rules says that it acts.'
            else
                'The first policy does nothing but explore: no log says yet what pays.'
        end as reason
    from today
    cross join newest
    where newest.decided_date is null
),

better as (
    select
        'effects of ' || cast(today.as_of_date as string) as policy,
        today.action_date as decided_date,
        trial.standing_policy as replaces,
        trial.decisions,
        trial.gain,
        trial.always_low as gain_low,
        trial.always_high as gain_high,
        trial.effective_decisions,
        'It earns ' || {{ money_text('trial.gain') }}
        || ' more per decision than the policy before, and at least '
        || {{ money_text('trial.always_low') }} || ' with a certainty of 95 %, by '
        || cast(trial.decisions as string) || ' decisions that weigh as much as '
        || cast(cast(floor(trial.effective_decisions) as bigint) as string) || '.' as reason
    from {{ ref('policy_trial') }} as trial
    cross join today
    cross join newest
    where trial.verdict = 'better' and newest.decided_date < today.action_date
)

select * from first_policy
union all
select * from better
