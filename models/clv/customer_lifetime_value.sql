-- One row per customer at the scoring date: lifetime value, and the customer's rank by
-- it.
with predictions as (
    select * from {{ ref('clv_predictions') }}
),

scores as (
    select * from {{ ref('clv_scores') }}
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

valued as (
    {{ lifetime_values('predictions', 'scores', ref('shop_margin')) }}
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
