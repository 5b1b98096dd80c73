-- Places of a page are 1, 2, 3 ... up to 200, and each page of a category holds every
-- offered product of it, or 200. Only offered products are shown.
with pages as (
    select
        segment,
        category,
        count(*) as products,
        min(place) as first_place,
        max(place) as last_place
    from {{ ref('product_display_order') }}
    group by segment, category
),

offered as (
    select
        category,
        count(*) as products
    from {{ ref('offered_products') }}
    where is_offered and category is not null
    group by category
),

hidden as (
    select displayed.product_id
    from {{ ref('product_display_order') }} as displayed
    inner join {{ ref('offered_products') }} as products
        on displayed.product_id = products.product_id
    where
        not products.is_offered
        or displayed.category <> products.category
        or (displayed.category is not null and products.category is null)
)

select
    pages.segment,
    pages.category,
    pages.products
from pages
left join offered on pages.category = offered.category
where
    pages.first_place <> 1
    or pages.last_place <> pages.products
    or pages.products > 200
    or (pages.category is not null and pages.products <> least(offered.products, 200))
union all
select
    'hidden' as segment,
    product_id as category,
    1 as products
from hidden
