-- One row per customer at the scoring date: lifetime value, and the customer's rank by
-- it.
with predictions as (
    select * from {{ ref('clv_predictions') }}
),

scores as (
    select * from {{ ref('clv_scores') }}
),

steps as (
    select
        customer_key,
        as_of_date,
        horizon_days,
        is_longest_horizon,
        false as is_extrapolated,
        predicted_spend,
        prior_spend,
        chance_of_buying,
        scored_by,
        network_version
    from predictions
    union all
    select
        customer_key,
        as_of_date,
        horizon_days,
        is_longest_horizon,
        is_extrapolated,
        cast(null as decimal(38, 2)) as predicted_spend,
        cast({{ rounded('prior_spend', 2) }} as decimal(38, 2)) as prior_spend,
        cast(null as double) as chance_of_buying,
        scored_by,
        network_version
    from scores
    where is_extrapolated
),

features as (
    select * from {{ ref('customer_features') }}
),

customer_margins as (
    select
        customer_key,
        sum(known_spend) as known_spend,
        sum(known_cost) as known_cost
    from {{ ref('monthly_margins') }}
    group by customer_key
),

horizons as (
    select distinct
        horizon_days,
        is_extrapolated
    from steps
),

shop_margin as (
    select margin from {{ ref('shop_margin') }}
),

-- What one unit of money, spent between the horizon before and this one, is worth
-- today.
present_values as (
    select
        horizons.horizon_days,
        horizons.is_extrapolated,
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

next_values as (
    select
        *,
        lead(is_extrapolated) over (order by horizon_days) as is_next_extrapolated,
        lead(present_value, 1, 0) over (order by horizon_days) as next_value
    from present_values
),

-- Spend up to a horizon ends one increment and begins the next. So its weight is the
-- difference of their present values, and the weighted sum adds up the discounted
-- increments without sorting each customer's horizons. Up to the longest horizon the
-- weights are for the forecast, from there on for what the prior expects.
weights as (
    select
        horizon_days,
        case
            when is_extrapolated then 0
            when is_next_extrapolated then present_value
            else present_value - next_value
        end as weight,
        case
            when is_extrapolated then present_value - next_value
            when is_next_extrapolated then -next_value
            else 0
        end as tail_weight
    from next_values
),

-- Decimals add up to the same in any order; the last bit of a sum of doubles depends on
-- it.
sums as (
    select
        steps.customer_key,
        steps.as_of_date,
        steps.scored_by,
        steps.network_version,
        max(case when steps.is_longest_horizon then steps.predicted_spend end)
            as predicted_spend,
        max(case when steps.is_longest_horizon then steps.prior_spend end) as prior_spend,
        max(case when steps.is_longest_horizon then steps.chance_of_buying end)
            as chance_of_buying,
        cast(
            {{ rounded(
                'sum(cast(steps.predicted_spend * weights.weight as decimal(38, 10)))', 2
            ) }}
            as decimal(38, 2)
        ) as horizon_value,
        sum(cast(steps.prior_spend * weights.tail_weight as decimal(38, 10)))
            as prior_tail_value
    from steps
    inner join weights on steps.horizon_days = weights.horizon_days
    group by
        steps.customer_key,
        steps.as_of_date,
        steps.scored_by,
        steps.network_version
),

-- The ratio of the forecast to the prior's is taken to last.
valued as (
    select
        *,
        cast(
            {{ rounded(
                'coalesce(cast(prior_tail_value as double) * cast(predicted_spend as double)'
                ~ ' / nullif(cast(prior_spend as double), 0), 0)', 2
            ) }}
            as decimal(38, 2)
        ) as tail_value
    from sums
),

worth as (
    select
        valued.customer_key,
        valued.as_of_date,
        features.first_purchase_date,
        features.last_purchase_date,
        features.frequency,
        cast({{ rounded('features.past_spend', 2) }} as decimal(38, 2)) as past_spend,
        cast(
            {{ rounded(
                'cast(coalesce(margins.known_spend - margins.known_cost, 0) as double) + '
                ~ '(features.past_spend - cast(coalesce(margins.known_spend, 0) as double)) * '
                ~ setting('margin'), 2
            ) }}
            as decimal(38, 2)
        ) as historic_value,
        valued.predicted_spend,
        valued.chance_of_buying,
        valued.horizon_value,
        valued.tail_value,
        cast(valued.horizon_value + valued.tail_value as decimal(38, 2)) as lifetime_value,
        cast({{ rounded('features.formula_value', 2) }} as decimal(38, 2)) as formula_value,
        valued.scored_by,
        valued.network_version
    from valued
    inner join features
        on
            valued.customer_key = features.customer_key
            and valued.as_of_date = features.as_of_date
    left join customer_margins as margins on valued.customer_key = margins.customer_key
),

ranked as (
    select
        customer_key,
        as_of_date,
        first_purchase_date,
        last_purchase_date,
        frequency,
        past_spend,
        predicted_spend,
        chance_of_buying,
        horizon_value,
        tail_value,
        lifetime_value,
        case
            when lifetime_value > 0
                then cast(tail_value as double) / cast(lifetime_value as double)
            else 0e0
        end as extrapolated_share,
        historic_value,
        cast(historic_value + lifetime_value as decimal(38, 2)) as total_value,
        cast(row_number() over by_value as bigint) as value_rank,
        cast(ntile(10) over by_value as integer) as value_decile,
        formula_value,
        scored_by,
        network_version
    from worth
    window by_value as (order by lifetime_value desc, customer_key asc)
)

select * from ranked
