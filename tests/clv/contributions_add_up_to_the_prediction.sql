-- The baseline plus the contributions of all reasons is the prediction, to the cent,
-- for as many customers as var explain_customers says.
with explained as (
    select
        customer_key,
        horizon_days,
        sum(contribution) as explained_spend
    from {{ ref('clv_explanations') }}
    group by customer_key, horizon_days
),

predictions as (
    select
        customer_key,
        horizon_days,
        predicted_spend
    from {{ ref('clv_predictions') }}
    where is_longest_horizon
),

compared as (
    select
        predictions.customer_key,
        predictions.predicted_spend,
        explained.explained_spend,
        count(explained.customer_key) over () as customers_explained,
        least(count(*) over (), {{ setting('explain_customers') }}) as customers_to_explain
    from predictions
    left join explained
        on
            predictions.customer_key = explained.customer_key
            and predictions.horizon_days = explained.horizon_days
)

select * from compared
where
    customers_explained <> customers_to_explain
    or abs(explained_spend - predicted_spend)
    > greatest(0.01, 1e-9 * abs(predicted_spend))
