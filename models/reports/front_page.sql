-- One row per segment and place on the shop's front page: the first ten products to show.
with display_order as (
    select * from {{ ref('product_display_order') }}
    where category is null and place <= 10
),

products as (
    select * from {{ ref('dim_products') }}
)

select
    display_order.segment,
    display_order.place,
    display_order.product_id,
    coalesce(display_order.product_name, display_order.product_id) as product_name,
    products.category,
    display_order.basis,
    display_order.expected_margin,
    display_order.is_explored,
    display_order.propensity
from display_order
inner join products on display_order.product_id = products.product_id
