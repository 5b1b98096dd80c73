-- One row per customer and horizon: what the customer is expected to spend within the
-- horizon after the as-of date.
with scores as (
    select * from {{ ref('clv_scores') }}
    where not is_extrapolated
),

predictions as (
    select
        customer_key,
        as_of_date,
        horizon_days,
        is_longest_horizon,
        cast({{ rounded('predicted_spend', 2) }} as decimal(38, 2)) as predicted_spend,
        chance_of_buying,
        expected_orders,
        cast({{ rounded('spend_p10', 2) }} as decimal(38, 2)) as spend_p10,
        cast({{ rounded('spend_p50', 2) }} as decimal(38, 2)) as spend_p50,
        cast({{ rounded('spend_p90', 2) }} as decimal(38, 2)) as spend_p90,
        cast({{ rounded('prior_spend', 2) }} as decimal(38, 2)) as prior_spend,
        scored_by,
        network_version
    from scores
)

select * from predictions
