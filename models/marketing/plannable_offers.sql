-- One row per customer and offer that the plan may give: what it is expected to add, and
-- what it costs. Nobody is here who is held out, must never be contacted, has not agreed,
-- or got as many messages this week as action_rules allow.
with today as (
    select
        action_date,
        as_of_date,
        contacts_per_week
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

consents as (
    select
        customer_key,
        purpose,
        {{ shop_date('given_at') }} as given_date,
        {{ shop_date('withdrawn_at') }} as withdrawn_date
    from {{ ref('fct_consents') }}
),

agreed as (
    select distinct
        consents.customer_key,
        consents.purpose
    from consents
    cross join today
    where
        coalesce(consents.given_date <= today.as_of_date, true)
        and coalesce(consents.withdrawn_date > today.as_of_date, true)
),

-- A shop without the feed keeps consents elsewhere.
consent_feed as (
    select count(*) > 0 as is_there from consents
),

contacts as (
    select
        sends.customer_key,
        count(*) as contacts
    from {{ ref('fct_campaign_sends') }} as sends
    cross join today
    where
        sends.sent_date > {{ plus_days('today.action_date', -7) }}
        and sends.sent_date <= today.as_of_date
    group by sends.customer_key
)

select
    uplift.customer_key,
    uplift.offer,
    offers.channel,
    profiles.segment,
    cast(profiles.lifetime_value as double) as lifetime_value,
    uplift.effect,
    uplift.effect_error,
    uplift.cautious_effect,
    cast(round(offers.cost * 10000) as bigint) as cost_units,
    offers.most_customers
from {{ ref('customer_uplift') }} as uplift
inner join {{ ref('offers') }} as offers
    on uplift.offer = offers.offer and offers.is_offered
inner join {{ ref('customer_profiles') }} as profiles
    on uplift.customer_key = profiles.customer_key
cross join today
cross join consent_feed
left join held_out on uplift.customer_key = held_out.customer_key
left join {{ ref('never_contacted') }} as never_contacted
    on uplift.customer_key = never_contacted.customer_key
left join contacts on uplift.customer_key = contacts.customer_key
left join agreed
    on uplift.customer_key = agreed.customer_key and offers.purpose = agreed.purpose
where
    held_out.customer_key is null
    and never_contacted.customer_key is null
    and coalesce(contacts.contacts < today.contacts_per_week, true)
    and (
        offers.purpose is null
        or not consent_feed.is_there
        or agreed.customer_key is not null
    )
