-- One row per customer and product that they bought up to the scoring date: on how many
-- days, and when first and last. What came back later counts: it says what they like.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

bought_days as (
    select distinct
        lines.customer_key,
        lines.product_id,
        lines.ordered_date
    from {{ ref('fct_order_lines') }} as lines
    inner join scoring on lines.ordered_date <= scoring.as_of_date
    where
        lines.customer_key is not null
        and lines.product_id is not null
        and lines.is_sale
        and lines.quantity > 0
)

select
    customer_key,
    product_id,
    cast(count(*) as integer) as times,
    min(ordered_date) as first_bought_date,
    max(ordered_date) as last_bought_date
from bought_days
group by customer_key, product_id
