-- One row per product: whether it may be recommended, and what a purchase of it leaves.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

products as (
    select * from {{ ref('dim_products') }}
    where line_type = 'product'
),

margins as (
    select * from {{ ref('product_margins') }}
    where is_believed
),

purchases as (
    select
        purchases.product_id,
        max(purchases.purchase_date) as last_purchase_date,
        count(distinct purchases.customer_key) as customers,
        sum(
            case
                when {{ days_between('purchases.purchase_date', 'scoring.as_of_date') }} < 365
                    then 1
                else 0
            end
        ) as purchases,
        sum(
            case
                when {{ days_between('purchases.purchase_date', 'scoring.as_of_date') }} < 365
                    then purchases.amount
            end
        ) as amount
    from {{ ref('product_purchases') }} as purchases
    cross join scoring
    where purchases.returned_date is null
    group by purchases.product_id
)

-- What stands in no catalogue is offered as long as customers buy it.
select
    products.product_id,
    products.product_name,
    products.category,
    coalesce(
        (products.stock is null or products.stock > 0)
        and (
            products.launched_at is null
            or {{ shop_date('products.launched_at') }} <= scoring.as_of_date
        )
        and (
            products.withdrawn_at is null
            or {{ shop_date('products.withdrawn_at') }} > scoring.as_of_date
        )
        and (
            products.is_in_catalogue
            or {{ days_between('purchases.last_purchase_date', 'scoring.as_of_date') }} < 180
        ),
        false
    ) as is_offered,
    cast(coalesce(purchases.customers, 0) as bigint) as customers,
    case
        when purchases.purchases > 0
            then cast(purchases.amount as double) / purchases.purchases
    end as usual_amount,
    cast(coalesce(margins.margin, {{ setting('margin') }}) as double) as margin
from products
cross join scoring
left join purchases on products.product_id = purchases.product_id
left join margins on products.product_id = margins.product_id
