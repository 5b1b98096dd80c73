-- One row per customer at the scoring date: whatever a report filters by or adds up. A part
-- per kind of knowledge; a part of which a shop has no feed is null.
with lifetime_values as (
    select * from {{ ref('customer_lifetime_value') }}
),

features as (
    select * from {{ ref('customer_features') }}
),

expected as (
    select * from {{ ref('clv_predictions') }}
    where is_longest_horizon
),

segments as (
    select * from {{ ref('segment_history') }}
    where is_scoring_date
),

earlier as (
    select
        customer_key,
        segment
    from {{ ref('segment_history') }}
    where is_earlier_date
),

interests as (
    select
        customer_key,
        max(case when kind = 'category' then name end) as top_category,
        max(case when kind = 'category' then lift end) as top_category_lift,
        max(case when kind = 'product' then name end) as top_product_id,
        max(case when kind = 'product' then label end) as top_product_name,
        max(case when kind = 'product' then lift end) as top_product_lift
    from {{ ref('customer_interests') }}
    where place = 1
    group by customer_key
),

profiles as (
    select
        lifetime_values.customer_key,
        lifetime_values.as_of_date,
        coalesce(first_orders.country, 'unknown') as country,
        coalesce(first_orders.acquisition_channel, 'unknown')
            as acquisition_channel,
        lifetime_values.first_purchase_date,
        cast(date_trunc('month', lifetime_values.first_purchase_date) as date)
            as first_purchase_month,
        lifetime_values.last_purchase_date,
        features.tenure_days,
        features.recency_days,
        lifetime_values.frequency,
        coalesce(habits.orders, 0) as orders,
        lifetime_values.past_spend,
        cast({{ rounded('features.spend_365d', 2) }} as decimal(38, 2)) as spend_365d,
        case
            when features.tenure_days >= 365
                then cast(rhythm.spend_previous_365d as decimal(38, 2))
        end as spend_previous_365d,
        cast({{ rounded('habits.average_order_value', 2) }} as decimal(38, 2))
            as average_order_value,
        habits.items_per_order,
        habits.discount_share,
        habits.return_share,
        habits.usual_weekday,
        habits.usual_hour,
        rhythm.days_to_second_purchase,
        case
            when features.cycle_sd_days is not null
                then
                    (
                        (features.frequency - 1) * features.cycle_sd_days / features.cycle_days
                        + 3
                    ) / (features.frequency + 2)
        end as gap_variation,
        segments.segment,
        earlier.segment as previous_segment,
        segments.recency_score,
        segments.frequency_score,
        segments.monetary_score,
        segments.rfm_segment,
        interests.top_category,
        interests.top_category_lift,
        interests.top_product_id,
        interests.top_product_name,
        interests.top_product_lift,
        taste.distinct_categories,
        taste.distinct_products,
        taste.novelty,
        taste.price_level,
        taste.price_tier,
        browsing.last_seen_date,
        browsing.views_per_order,
        browsing.cart_abandonment,
        features.rating_mean,
        features.rating_last,
        voice.praised_category,
        voice.blamed_category,
        voice.review_words,
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
        next_orders.churn_risk_30d,
        next_orders.churn_risk_91d,
        next_orders.churn_risk_182d,
        next_orders.churn_risk_365d,
        next_orders.churn_risk_level,
        lifetime_values.historic_value,
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
    inner join {{ ref('next_orders') }} as next_orders
        on lifetime_values.customer_key = next_orders.customer_key
    inner join segments on lifetime_values.customer_key = segments.customer_key
    left join earlier on lifetime_values.customer_key = earlier.customer_key
    left join {{ ref('first_orders') }} as first_orders
        on lifetime_values.customer_key = first_orders.customer_key
    left join {{ ref('order_habits') }} as habits
        on lifetime_values.customer_key = habits.customer_key
    left join {{ ref('purchase_rhythm') }} as rhythm
        on lifetime_values.customer_key = rhythm.customer_key
    left join interests on lifetime_values.customer_key = interests.customer_key
    left join {{ ref('taste') }} as taste
        on lifetime_values.customer_key = taste.customer_key
    left join {{ ref('browsing_habits') }} as browsing
        on lifetime_values.customer_key = browsing.customer_key
    left join {{ ref('customer_voice') }} as voice
        on lifetime_values.customer_key = voice.customer_key
)

select
    *,
    {{ customer_description() }} as description
from profiles
