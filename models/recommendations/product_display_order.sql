-- One row per segment, page and place: the product to show there.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
)

select
    displayed.segment,
    displayed.category,
    displayed.place,
    displayed.product_id,
    products.product_name,
    scoring.as_of_date,
    displayed.basis,
    displayed.click_rate,
    displayed.purchase_rate,
    displayed.usual_margin,
    displayed.score,
    displayed.score_error,
    displayed.expected_margin,
    displayed.is_explored,
    displayed.propensity
from {{ ref('displayed_products') }} as displayed
cross join scoring
inner join {{ ref('offered_products') }} as products
    on displayed.product_id = products.product_id
