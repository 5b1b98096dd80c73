-- One row per pair of products that orders hold together more often than chance would
-- have it: the ten pairs of the highest lift.
with pairs as (
    select * from {{ ref('bought_together') }}
),

products as (
    select
        product_id,
        coalesce(product_name, product_id) as product_name
    from {{ ref('dim_products') }}
),

-- A pair stands in bought_together for each of its products that has an offered partner.
-- Of the two, the one counts whose buyers take the other more often.
directed as (
    select
        *,
        row_number() over (
            partition by
                least(product_id, other_product_id),
                greatest(product_id, other_product_id)
            order by share_of_orders desc, product_id asc
        ) as direction
    from pairs
),

ranked as (
    select
        *,
        row_number() over (
            order by lift desc, orders desc, product_id asc, other_product_id asc
        ) as place
    from directed
    where direction = 1
)

select
    cast(ranked.place as integer) as place,
    ranked.product_id,
    one.product_name,
    ranked.other_product_id,
    other.product_name as other_product_name,
    ranked.orders,
    ranked.share_of_orders,
    ranked.lift
from ranked
inner join products as one on ranked.product_id = one.product_id
inner join products as other on ranked.other_product_id = other.product_id
where ranked.place <= 10
