-- A longer horizon has at least as much expected spend and as high a chance of buying.
with steps as (
    select
        customer_key,
        horizon_days,
        predicted_spend,
        chance_of_buying,
        lag(predicted_spend, 1, 0) over by_horizon as shorter_spend,
        lag(chance_of_buying, 1, 0) over by_horizon as shorter_chance
    from {{ ref('clv_predictions') }}
    window by_horizon as (partition by customer_key order by horizon_days)
)

select * from steps
where predicted_spend < shorter_spend or chance_of_buying < shorter_chance
