-- One row per customer, list and rank: a product to recommend, and why.
with recommended as (
    select * from {{ ref('recommended_products') }}
),

products as (
    select * from {{ ref('offered_products') }}
),

reasons as (
    select * from {{ ref('recommendation_reasons') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- Only the recommender's score is a chance, which money can be multiplied with.
named as (
    select
        recommended.customer_key,
        scoring.as_of_date,
        recommended.list,
        recommended.rank,
        recommended.product_id,
        products.product_name,
        products.category,
        recommended.score,
        case
            when recommended.model like 'recommender%'
                then recommended.score
        end as chance,
        products.usual_amount * products.margin as usual_margin,
        recommended.model,
        recommended.reason,
        replace(
            replace(
                replace(
                    reasons.wording,
                    '{days}',
                    coalesce(cast(recommended.gap_days as string), '')
                ),
                '{product}',
                coalesce(because.product_name, recommended.because_product_id, '')
            ),
            '{country}',
            coalesce(customers.country, '')
        ) as reason_text,
        recommended.because_product_id,
        recommended.gap_days,
        recommended.recommender_version
    from recommended
    cross join scoring
    inner join products on recommended.product_id = products.product_id
    inner join reasons on recommended.reason = reasons.reason
    inner join customers on recommended.customer_key = customers.customer_key
    left join products as because on recommended.because_product_id = because.product_id
)

select
    customer_key,
    as_of_date,
    list,
    cast(rank as integer) as rank,
    product_id,
    product_name,
    category,
    score,
    chance,
    chance * usual_margin as expected_margin,
    model,
    reason,
    reason_text,
    because_product_id,
    gap_days,
    recommender_version
from named
