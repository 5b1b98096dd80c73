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
        cast(sum(interest) as double) as total
    from interest
    group by customer_key
),

products as (
    select
        product_id,
        cast(sum(interest) as double) as total
    from interest
    group by product_id
),

offered as (
    select product_id from {{ ref('offered_products') }}
    where is_offered
),

-- Customers and products with many purchases say less of each pair. The power of 0.35 on
-- both sides is chosen in benchmarks/recommendations.py; 0.5 would be the cosine.
damped as (
    select
        interest.customer_key,
        interest.product_id,
        cast(interest.interest as double)
        / power(customers.total * products.total, 0.35e0) as weight
    from interest
    inner join customers on interest.customer_key = customers.customer_key
    inner join products on interest.product_id = products.product_id
),

pairs as (
    select
        one.product_id,
        other.product_id as similar_product_id,
        count(*) as customers,
        sum(cast({{ rounded('one.weight * other.weight', 12) }} as decimal(18, 12)))
            as similarity
    from damped as one
    inner join damped as other
        on one.customer_key = other.customer_key and one.product_id < other.product_id
    group by one.product_id, other.product_id
),

both_ways as (
    select * from pairs
    union all
    select
        similar_product_id as product_id,
        product_id as similar_product_id,
        customers,
        similarity
    from pairs
),

ranked as (
    select
        both_ways.*,
        row_number() over (
            partition by both_ways.product_id
            order by both_ways.similarity desc, both_ways.similar_product_id asc
        ) as place
    from both_ways
    inner join offered on both_ways.similar_product_id = offered.product_id
    where both_ways.customers > 1
)

select
    product_id,
    similar_product_id,
    cast(place as integer) as similarity_rank,
    cast(similarity as double) as similarity,
    cast(customers as bigint) as customers
from ranked
where place <= 20
