-- One row per customer at the scoring date: whatever a report filters by or adds up.
with lifetime_values as (
    select * from {{ ref('customer_lifetime_value') }}
),

features as (
    select
        customer_key,
        as_of_date,
        spend_365d
    from {{ ref('customer_features') }}
),

expected as (
    select * from {{ ref('clv_predictions') }}
    where is_longest_horizon
),

next_orders as (
    select * from {{ ref('next_orders') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

purchase_days as (
    select
        customer_key,
        activity_date
    from {{ ref('customer_days') }}
    where is_purchase
),

-- What was known active_days earlier of the people who were customers then.
earlier as (
    select
        lifetime_values.customer_key,
        min(lifetime_values.first_purchase_date) as first_purchase_date,
        max(purchase_days.activity_date) as last_purchase_date,
        count(*) as frequency,
        min({{ plus_days('lifetime_values.as_of_date', '-' ~ setting('active_days')) }})
            as earlier_date
    from lifetime_values
    inner join purchase_days
        on
            lifetime_values.customer_key = purchase_days.customer_key
            and purchase_days.activity_date
            <= {{ plus_days('lifetime_values.as_of_date', '-' ~ setting('active_days')) }}
    group by lifetime_values.customer_key
),

segments as (
    select
        lifetime_values.customer_key,
        {{ segment(
            'lifetime_values.first_purchase_date',
            'lifetime_values.last_purchase_date',
            'lifetime_values.frequency',
            'lifetime_values.as_of_date',
        ) }} as segment,
        {{ segment(
            'earlier.first_purchase_date',
            'earlier.last_purchase_date',
            'earlier.frequency',
            'earlier.earlier_date',
        ) }} as previous_segment
    from lifetime_values
    left join earlier on lifetime_values.customer_key = earlier.customer_key
)

select
    lifetime_values.customer_key,
    lifetime_values.as_of_date,
    coalesce(customers.country, 'unknown') as country,
    coalesce(customers.acquisition_channel, 'unknown') as acquisition_channel,
    lifetime_values.first_purchase_date,
    cast(date_trunc('month', lifetime_values.first_purchase_date) as date)
        as first_purchase_month,
    lifetime_values.last_purchase_date,
    lifetime_values.frequency,
    lifetime_values.past_spend,
    cast({{ rounded('features.spend_365d', 2) }} as decimal(38, 2)) as spend_365d,
    segments.segment,
    segments.previous_segment,
    lifetime_values.predicted_spend,
    expected.spend_p10,
    expected.spend_p50,
    expected.spend_p90,
    lifetime_values.chance_of_buying,
    next_orders.usual_gap_days,
    next_orders.patience_days,
    next_orders.next_order_date,
    next_orders.churn_risk,
    next_orders.churn_risk_active_days,
    next_orders.churn_risk_level,
    lifetime_values.lifetime_value,
    lifetime_values.value_rank,
    lifetime_values.value_decile,
    lifetime_values.scored_by
from lifetime_values
inner join features
    on
        lifetime_values.customer_key = features.customer_key
        and lifetime_values.as_of_date = features.as_of_date
inner join expected
    on
        lifetime_values.customer_key = expected.customer_key
        and lifetime_values.as_of_date = expected.as_of_date
inner join next_orders on lifetime_values.customer_key = next_orders.customer_key
inner join segments on lifetime_values.customer_key = segments.customer_key
left join customers on lifetime_values.customer_key = customers.customer_key
