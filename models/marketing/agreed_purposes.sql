-- One row per customer and purpose of messages to which the customer's consent stands on
-- the day that is planned. A shop without the feed consents keeps them elsewhere, and all
-- purposes count as agreed.
with today as (
    select as_of_date from {{ ref('action_day') }}
),

consents as (
    select
        customer_key,
        purpose,
        {{ shop_date('given_at') }} as given_date,
        {{ shop_date('withdrawn_at') }} as withdrawn_date
    from {{ ref('fct_consents') }}
),

consent_feed as (
    select count(*) > 0 as is_there from consents
),

purposes as (
    select purpose from {{ ref('actions') }}
    union
    select purpose from {{ ref('offer_costs') }}
    where purpose is not null
)

select distinct
    consents.customer_key,
    consents.purpose
from consents
cross join today
where
    coalesce(consents.given_date <= today.as_of_date, true)
    and coalesce(consents.withdrawn_date > today.as_of_date, true)

union all

select
    customers.customer_key,
    purposes.purpose
from {{ ref('contactable_customers') }} as customers
cross join purposes
cross join consent_feed
where not consent_feed.is_there
