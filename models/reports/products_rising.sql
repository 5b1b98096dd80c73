-- One row per product that rises: the ten of the strongest trend, with their names.
with trends as (
    select * from {{ ref('trending_products') }}
    where trend_rank <= 10
),

products as (
    select * from {{ ref('dim_products') }}
)

select
    trends.trend_rank as place,
    trends.product_id,
    coalesce(products.product_name, trends.product_id) as product_name,
    products.category,
    trends.customers,
    trends.customers_before,
    trends.expected_customers,
    trends.trend
from trends
inner join products on trends.product_id = products.product_id
