-- customer_profiles has as many customers as customer_lifetime_value, and the same
-- money to the cent.
with profiles as (
    select
        count(*) as customers,
        sum(past_spend) as past_spend,
        sum(predicted_spend) as predicted_spend,
        sum(lifetime_value) as lifetime_value
    from {{ ref('customer_profiles') }}
),

lifetime_values as (
    select
        count(*) as customers,
        sum(past_spend) as past_spend,
        sum(predicted_spend) as predicted_spend,
        sum(lifetime_value) as lifetime_value
    from {{ ref('customer_lifetime_value') }}
)

select profiles.*
from profiles
inner join lifetime_values
    on
        profiles.customers <> lifetime_values.customers
        or profiles.past_spend <> lifetime_values.past_spend
        or profiles.predicted_spend <> lifetime_values.predicted_spend
        or profiles.lifetime_value <> lifetime_values.lifetime_value
