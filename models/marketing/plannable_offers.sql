-- One row per customer and offer that the plan may give: what it is expected to add, and
-- what it costs. Nobody is here who is held out, must never be contacted, has not agreed,
-- or got as many messages this week as action_rules allow.
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
cross join {{ ref('action_day') }} as today
inner join {{ ref('contactable_customers') }} as contactable
    on uplift.customer_key = contactable.customer_key
left join {{ ref('agreed_purposes') }} as agreed
    on uplift.customer_key = agreed.customer_key and offers.purpose = agreed.purpose
where
    contactable.messages_this_week < today.contacts_per_week
    and (offers.purpose is null or agreed.customer_key is not null)
