-- customer_lifetime_value has as many customers as clv_predictions at its longest
-- horizon, and the same predicted spend to the cent.
with predictions as (
    select
        count(*) as customers,
        sum(predicted_spend) as predicted_spend
    from {{ ref('clv_predictions') }}
    where is_longest_horizon
),

lifetime_values as (
    select
        count(*) as customers,
        sum(predicted_spend) as predicted_spend
    from {{ ref('customer_lifetime_value') }}
)

select
    predictions.customers as customers_predicted,
    predictions.predicted_spend,
    lifetime_values.customers as customers_valued,
    lifetime_values.predicted_spend as valued_spend
from predictions
cross join lifetime_values
where
    predictions.customers <> lifetime_values.customers
    or predictions.predicted_spend <> lifetime_values.predicted_spend
