-- One row per term that people searched for: the ten most frequent ones, and the ten most
-- frequent ones of which the shop has nothing.
with searches as (
    select
        *,
        row_number() over (partition by products_found = 0 order by search_rank asc)
            as place_of_kind
    from {{ ref('searches') }}
),

products as (
    select
        product_id,
        coalesce(product_name, product_id) as product_name
    from {{ ref('dim_products') }}
)

select
    searches.search_rank,
    searches.term,
    searches.searches,
    searches.visitors,
    searches.products_found,
    searches.click_share,
    searches.searches_bought,
    searches.searches_with_purchase,
    clicked.product_name as clicked_product,
    instead.product_name as bought_instead
from searches
left join products as clicked on searches.clicked_product_id = clicked.product_id
left join products as instead on searches.bought_instead_product_id = instead.product_id
where
    searches.search_rank <= 10
    or searches.products_found = 0 and searches.place_of_kind <= 10
