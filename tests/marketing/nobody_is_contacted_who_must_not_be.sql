-- Today's actions reach nobody who is held out, who is never to be contacted, or who,
-- where the shop has the feed consents, has not agreed to the purpose.
with today as (
    select * from {{ ref('action_day') }}
),

contacts as (
    select
        planned.customer_key,
        planned.action_date,
        actions.purpose
    from {{ ref('next_best_actions') }} as planned
    inner join today on planned.action_date = today.action_date
    inner join {{ ref('actions') }} as actions on planned.action = actions.action
),

known as (
    select
        consents.customer_key,
        consents.purpose,
        consents.given_at,
        case
            when {{ shop_date('consents.withdrawn_at') }} < today.action_date
                then consents.withdrawn_at
        end as withdrawn_at
    from {{ ref('fct_consents') }} as consents
    cross join today
),

agreed as (
    {{ standing_consents('known') }}
)

select
    contacts.customer_key,
    'held out' as problem
from contacts
inner join {{ ref('experiment_assignments') }} as assignments
    on
        contacts.customer_key = assignments.customer_key
        and assignments.is_held_out
        and coalesce(contacts.action_date <= assignments.ended_date, true)

union all

select
    contacts.customer_key,
    'never contacted' as problem
from contacts
inner join {{ ref('never_contacted') }} as never_contacted
    on contacts.customer_key = never_contacted.customer_key

union all

select
    contacts.customer_key,
    'no consent' as problem
from contacts
left join agreed
    on
        contacts.customer_key = agreed.customer_key
        and contacts.purpose = agreed.purpose
where
    agreed.customer_key is null
    and exists (select 1 from {{ ref('fct_consents') }})
