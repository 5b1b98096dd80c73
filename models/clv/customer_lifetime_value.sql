-- One row per customer at the scoring date: lifetime value, and the customer's rank by
-- it.
with predictions as (
    select * from {{ ref('clv_predictions') }}
),

features as (
    select * from {{ ref('customer_features') }}
),

horizons as (
    select distinct horizon_days from predictions
),

shop_margin as (
    select margin from {{ ref('shop_margin') }}
),

-- What one unit of money, spent between the horizon before and this one, is worth
-- today.
present_values as (
    select
        horizons.horizon_days,
        shop_margin.margin / power(
            1 + {{ setting('discount_rate') }},
            (
                lag(horizons.horizon_days, 1, 0) over (order by horizons.horizon_days)
                + horizons.horizon_days
            ) / 2 / 365
        ) as present_value
    from horizons
    cross join shop_margin
),

-- Spend up to a horizon ends one increment and begins the next. So its weight is the
-- difference of their present values, and the weighted sum adds up the discounted
-- increments without sorting each customer's horizons. Decimals add up to the same in
-- any order; the last bit of a sum of doubles depends on it.
weights as (
    select
        horizon_days,
        present_value
        - lead(present_value, 1, 0) over (order by horizon_days) as weight
    from present_values
),

valued as (
    select
        predictions.customer_key,
        predictions.as_of_date,
        predictions.scored_by,
        predictions.network_version,
        max(case when predictions.is_longest_horizon then predictions.predicted_spend end)
            as predicted_spend,
        max(case when predictions.is_longest_horizon then predictions.chance_of_buying end)
            as chance_of_buying,
        cast(
            {{ rounded(
                'sum(cast(predictions.predicted_spend * weights.weight as decimal(38, 10)))', 2
            ) }}
            as decimal(38, 2)
        ) as lifetime_value
    from predictions
    inner join weights on predictions.horizon_days = weights.horizon_days
    group by
        predictions.customer_key,
        predictions.as_of_date,
        predictions.scored_by,
        predictions.network_version
),

ranked as (
    select
        valued.customer_key,
        valued.as_of_date,
        features.first_purchase_date,
        features.last_purchase_date,
        features.frequency,
        cast({{ rounded('features.past_spend', 2) }} as decimal(38, 2)) as past_spend,
        valued.predicted_spend,
        valued.chance_of_buying,
        valued.lifetime_value,
        cast(row_number() over by_value as bigint) as value_rank,
        cast(ntile(10) over by_value as integer) as value_decile,
        cast({{ rounded('features.formula_value', 2) }} as decimal(38, 2)) as formula_value,
        valued.scored_by,
        valued.network_version
    from valued
    inner join features
        on
            valued.customer_key = features.customer_key
            and valued.as_of_date = features.as_of_date
    window by_value as (order by valued.lifetime_value desc, valued.customer_key asc)
)

select * from ranked
