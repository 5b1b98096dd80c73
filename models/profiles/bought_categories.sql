-- One row per customer and category that they bought up to the scoring date.
select
    bought.customer_key,
    products.category,
    cast(sum(bought.times) as integer) as times,
    max(bought.last_bought_date) as last_bought_date
from {{ ref('bought_products') }} as bought
inner join {{ ref('dim_products') }} as products on bought.product_id = products.product_id
where products.category is not null
group by
    bought.customer_key,
    products.category
