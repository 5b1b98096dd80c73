-- One row per customer who may be contacted on the day that is planned: nobody who is held
-- out or whom a person has taken off all lists.
with today as (
    select
        action_date,
        as_of_date
    from {{ ref('action_day') }}
),

held_out as (
    select distinct assignments.customer_key
    from {{ ref('experiment_assignments') }} as assignments
    cross join today
    where
        assignments.is_held_out
        and coalesce(assignments.ended_date >= today.action_date, true)
),

sent as (
    select
        sends.customer_key,
        count(*) as messages
    from {{ ref('fct_campaign_sends') }} as sends
    cross join today
    where
        sends.sent_date > {{ plus_days('today.action_date', -7) }}
        and sends.sent_date <= today.as_of_date
    group by sends.customer_key
)

select
    profiles.customer_key,
    coalesce(sent.messages, 0) as messages_this_week
from {{ ref('customer_profiles') }} as profiles
left join held_out on profiles.customer_key = held_out.customer_key
left join {{ ref('never_contacted') }} as never_contacted
    on profiles.customer_key = never_contacted.customer_key
left join sent on profiles.customer_key = sent.customer_key
where
    held_out.customer_key is null
    and never_contacted.customer_key is null
