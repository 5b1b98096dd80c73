-- No list holds a product that is withdrawn, sold out, not launched yet or unknown.
select recommendations.*
from {{ ref('product_recommendations') }} as recommendations
left join {{ ref('offered_products') }} as offered
    on recommendations.product_id = offered.product_id
where not coalesce(offered.is_offered, false)
