-- `again` holds only products that the customer bought and kept, `new` only others, and
-- `both` only products of either.
with bought as (
    select distinct
        customer_key,
        product_id
    from {{ ref('product_purchases') }}
    where returned_date is null
),

listed as (
    select
        recommendations.customer_key,
        recommendations.list,
        recommendations.product_id,
        bought.product_id is not null as is_bought
    from {{ ref('product_recommendations') }} as recommendations
    left join bought
        on
            recommendations.customer_key = bought.customer_key
            and recommendations.product_id = bought.product_id
)

select
    listed.customer_key,
    listed.list,
    listed.product_id
from listed
left join listed as own
    on
        listed.customer_key = own.customer_key
        and listed.product_id = own.product_id
        and own.list = case when listed.is_bought then 'again' else 'new' end
where
    (listed.list = 'again' and not listed.is_bought)
    or (listed.list = 'new' and listed.is_bought)
    or own.product_id is null
