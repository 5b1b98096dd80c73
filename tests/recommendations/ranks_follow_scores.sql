-- Ranks of a list are 1, 2, 3 ..., up to var recommended_products, and no score is higher
-- than one before it.
with ranked as (
    select
        customer_key,
        list,
        rank,
        score,
        row_number() over (partition by customer_key, list order by rank) as place,
        lag(score) over (partition by customer_key, list order by rank) as score_before
    from {{ ref('product_recommendations') }}
)

select *
from ranked
where
    rank <> place
    or rank > {{ setting('recommended_products') }}
    or score > score_before
