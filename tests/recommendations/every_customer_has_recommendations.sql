-- Where product is sold and offered, every customer has a list `both`, whose length is
-- that of `again` and `new` together, up to var recommended_products.
with lengths as (
    select
        customers.customer_key,
        sum(case when recommendations.list = 'both' then 1 else 0 end) as together,
        sum(case when recommendations.list <> 'both' then 1 else 0 end) as apart
    from {{ ref('dim_customers') }} as customers
    left join {{ ref('product_recommendations') }} as recommendations
        on customers.customer_key = recommendations.customer_key
    group by customers.customer_key
),

sold as (
    select count(*) as products
    from {{ ref('trending_products') }}
)

select lengths.*
from lengths
cross join sold
where
    together <> least(apart, {{ setting('recommended_products') }})
    or (together = 0 and sold.products > 0)
