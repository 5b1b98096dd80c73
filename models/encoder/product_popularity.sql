-- One row per product: its category, and on how many days of customers it was bought in
-- the last window.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

bought as (
    select
        purchases.product_id,
        count(*) as customer_days
    from {{ ref('product_purchases') }} as purchases
    inner join scoring
        on
            purchases.purchase_date
            > {{ plus_days('scoring.as_of_date', -setting('recommendation_days')) }}
    where purchases.returned_date is null or purchases.returned_date > purchases.purchase_date
    group by purchases.product_id
)

select
    products.product_id,
    products.category,
    cast(coalesce(bought.customer_days, 0) as bigint) as customer_days
from {{ ref('dim_products') }} as products
left join bought on products.product_id = bought.product_id
where products.line_type = 'product'
