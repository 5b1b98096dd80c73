{#
  What forecasts are worth today, as customer_lifetime_value.yml defines it: the part until
  the longest horizon and the part after it. customer_lifetime_value says so of the forecasts
  that are made, and counterfactuals of those that would have been.
#}
{% macro lifetime_values(predictions, scores, margins, scenario=none) -%}
    {%- set keys = ['customer_key', scenario] | select | join(', ') -%}
with steps as (
    select
        {{ keys }},
        as_of_date,
        horizon_days,
        is_longest_horizon,
        false as is_extrapolated,
        predicted_spend,
        prior_spend,
        chance_of_buying,
        scored_by,
        network_version
    from {{ predictions }} as predictions
    union all
    select
        {{ keys }},
        as_of_date,
        horizon_days,
        is_longest_horizon,
        is_extrapolated,
        cast(null as decimal(38, 2)) as predicted_spend,
        cast({{ rounded('prior_spend', 2) }} as decimal(38, 2)) as prior_spend,
        cast(null as double) as chance_of_buying,
        scored_by,
        network_version
    from {{ scores }} as scores
    where is_extrapolated
),

horizons as (
    select distinct
        horizon_days,
        is_extrapolated
    from steps
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
    cross join {{ margins }} as shop_margin
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
        {{ keys }},
        as_of_date,
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
        {{ keys }},
        as_of_date,
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
)

select * from valued
{%- endmacro %}
