-- One row per customer and purpose of messages to which the customer's consent stands on
-- the day that is planned. A shop without the feed consents keeps them elsewhere, and all
-- purposes count as agreed.
with today as (
    select as_of_date from {{ ref('action_day') }}
),

consent_feed as (
    select count(*) > 0 as is_there from {{ ref('fct_consents') }}
),

-- What was given and withdrawn up to the day before the one that is planned.
known as (
    select
        consents.customer_key,
        consents.purpose,
        case
            when {{ shop_date('consents.given_at') }} <= today.as_of_date then consents.given_at
        end as given_at,
        case
            when {{ shop_date('consents.withdrawn_at') }} <= today.as_of_date
                then consents.withdrawn_at
        end as withdrawn_at
    from {{ ref('fct_consents') }} as consents
    cross join today
    where coalesce({{ shop_date('consents.given_at') }} <= today.as_of_date, true)
),

agreed as (
    {{ standing_consents('known') }}
),

purposes as (
    select purpose from {{ ref('actions') }}
    union
    select purpose from {{ ref('offer_costs') }}
    where purpose is not null
)

select
    customer_key,
    purpose
from agreed

union all

select
    customers.customer_key,
    purposes.purpose
from {{ ref('contactable_customers') }} as customers
cross join purposes
cross join consent_feed
where not consent_feed.is_there
