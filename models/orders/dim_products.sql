-- One row per product that is in the catalogue, was sold, or both. Codes of the
-- catalogue that are no products, such as postage, keep their line type.
with catalogue as (
    select * from {{ ref('checked_products') }}
    where rejection_reason is null
),

codes as (
    select * from {{ ref('non_product_codes') }}
),

sold as (
    select distinct product_id
    from {{ ref('fct_order_lines') }}
    where product_id is not null
),

-- A code that lines only ever have as something else, such as postage or a fee.
other_codes as (
    select
        product_id,
        min(line_type) as line_type
    from {{ ref('checked_order_lines') }}
    where line_type <> 'product' and product_id is not null
    group by product_id
)

select
    coalesce(catalogue.product_id, sold.product_id) as product_id,
    catalogue.product_name,
    catalogue.category,
    catalogue.unit_cost,
    catalogue.stock,
    catalogue.launched_at,
    catalogue.withdrawn_at,
    coalesce(
        codes.line_type,
        case when sold.product_id is null then other_codes.line_type end,
        'product'
    ) as line_type,
    catalogue.product_id is not null as is_in_catalogue,
    sold.product_id is not null as is_sold
from catalogue
full outer join sold on catalogue.product_id = sold.product_id
left join codes on catalogue.product_id = codes.product_id
left join other_codes on catalogue.product_id = other_codes.product_id
