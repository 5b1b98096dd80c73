-- No more customers get an action within seven days than reference.actions allows, and none
-- more on a day than reference.action_rules does.
with today as (
    select * from {{ ref('action_day') }}
),

contacts as (
    select planned.*
    from {{ ref('next_best_actions') }} as planned
    cross join today
    where
        planned.action <> 'nothing'
        and planned.action_date <= today.action_date
        and planned.action_date > {{ plus_days('today.action_date', -7) }}
)

select
    contacts.action,
    count(*) as contacts
from contacts
inner join {{ ref('actions') }} as actions on contacts.action = actions.action
group by contacts.action
having count(*) > min(actions.most_per_week)

union all

select
    'all' as action,
    count(*) as contacts
from contacts
inner join today on contacts.action_date = today.action_date
having count(*) > min(today.contacts_per_day)
