-- A longer horizon has at least as much expected spend, as many orders and as high a
-- chance of buying; and no fewer orders than the chance of one.
with steps as (
    select
        customer_key,
        horizon_days,
        predicted_spend,
        chance_of_buying,
        expected_orders,
        lag(predicted_spend, 1, 0) over by_horizon as shorter_spend,
        lag(chance_of_buying, 1, 0) over by_horizon as shorter_chance,
        lag(expected_orders, 1, 0) over by_horizon as shorter_orders
    from {{ ref('clv_predictions') }}
    window by_horizon as (partition by customer_key order by horizon_days)
)

select * from steps
where
    predicted_spend < shorter_spend
    or chance_of_buying < shorter_chance
    or expected_orders < shorter_orders
    or expected_orders < chance_of_buying - 1e-6
