-- One row per product and each of the products that the same customers buy: item-to-item
-- collaborative filtering.
with ranked_interest as (
    select
        *,
        row_number() over (
            partition by customer_key
            order by interest desc, product_id asc
        ) as place
    from {{ ref('product_interest') }}
    where interest > 0
),

-- A customer of 2,500 products, a wholesaler, has as many pairs as a thousand others.
interest as (
    select * from ranked_interest
    where place <= 200
),

customers as (
    select
        customer_key,
        row_number() over (order by customer_key) as customer_number,
        cast(sum(interest) as double) as total
    from interest
    group by customer_key
),

-- Millions of pairs are counted by numbers, which takes half as long as by ids. The order
-- of the numbers is that of the ids.
products as (
    select
        product_id,
        cast(row_number() over (order by product_id) as integer) as product_number,
        cast(sum(interest) as double) as total
    from interest
    group by product_id
),

offered as (
    select products.product_number
    from products
    inner join {{ ref('offered_products') }} as offered_products
        on products.product_id = offered_products.product_id
    where offered_products.is_offered
),

-- Customers and products with many purchases say less of each pair. The power of 0.35 on
-- both sides is chosen in benchmarks/recommendations.py; 0.5 would be the cosine.
damped as (
    select
        customers.customer_number,
        products.product_number,
        cast(interest.interest as double)
        / power(customers.total * products.total, 0.35e0) as weight
    from interest
    inner join customers on interest.customer_key = customers.customer_key
    inner join products on interest.product_id = products.product_id
),

pairs as (
    select
        one.product_number,
        other.product_number as similar_number,
        count(*) as customers,
        cast(
            sum(cast({{ rounded('one.weight * other.weight', 12) }} as decimal(18, 12)))
            as double
        ) as similarity
    from damped as one
    inner join damped as other
        on
            one.customer_number = other.customer_number
            and one.product_number < other.product_number
    group by one.product_number, other.product_number
    having count(*) >= {{ [2, setting('smallest_group')] | max }}
),

both_ways as (
    select * from pairs
    union all
    select
        similar_number as product_number,
        product_number as similar_number,
        customers,
        similarity
    from pairs
),

ranked as (
    select
        both_ways.*,
        row_number() over (
            partition by both_ways.product_number
            order by both_ways.similarity desc, both_ways.similar_number asc
        ) as place
    from both_ways
    inner join offered on both_ways.similar_number = offered.product_number
)

select
    products.product_id,
    similar_products.product_id as similar_product_id,
    cast(ranked.place as integer) as similarity_rank,
    ranked.similarity,
    cast(ranked.customers as bigint) as customers
from ranked
inner join products on ranked.product_number = products.product_number
inner join products as similar_products
    on ranked.similar_number = similar_products.product_number
where ranked.place <= 20
