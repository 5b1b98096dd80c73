-- Exactly customers who more likely buy than not within the longest horizon have a date of
-- the next order. It lies within a horizon just if half of their chance does, and a
-- customer's risk within active_days is what a horizon of as many days says, if there is one.
with predictions as (
    select * from {{ ref('clv_predictions') }}
),

longest as (
    select
        customer_key,
        chance_of_buying
    from predictions
    where is_longest_horizon
)

select
    next_orders.*,
    predictions.horizon_days,
    predictions.chance_of_buying
from {{ ref('next_orders') }} as next_orders
inner join longest on next_orders.customer_key = longest.customer_key
inner join predictions on next_orders.customer_key = predictions.customer_key
where
    (next_orders.next_order_date is not null) <> (longest.chance_of_buying >= 0.5)
    or (
        next_orders.next_order_date
        <= {{ plus_days('next_orders.as_of_date', 'predictions.horizon_days') }}
        and predictions.chance_of_buying < longest.chance_of_buying / 2 - 1e-6
    )
    or (
        next_orders.next_order_date
        > {{ plus_days('next_orders.as_of_date', 'predictions.horizon_days') }}
        and predictions.chance_of_buying > longest.chance_of_buying / 2 + 1e-6
    )
    or (
        predictions.horizon_days = {{ setting('active_days') }}
        and abs(
            1 - predictions.chance_of_buying - next_orders.churn_risk_active_days
        ) > 1e-6
    )
