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
),

-- Guests keep a product alive too; what is given away is not for sale.
sales as (
    select
        lines.product_id,
        max(lines.ordered_date) as last_date
    from {{ ref('fct_order_lines') }} as lines
    inner join scoring on lines.ordered_date <= scoring.as_of_date
    where
        lines.is_sale
        and not lines.is_return
        and lines.product_id is not null
        and lines.quantity > 0
        and lines.amount > 0
    group by lines.product_id
)

-- A catalogue that counts no stock may list what left the shop long ago. On Online Retail
-- II, of the products that nobody had bought for a year 0.5 % were sold in the next 28
-- days, and 3 % after half a year. What stands in no catalogue has half a year.
select
    products.product_id,
    products.product_name,
    products.category,
    {{ shop_date('products.launched_at') }} as launched_date,
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
            products.stock is not null
            or (products.is_in_catalogue and not products.is_sold)
            or {{ days_between('sales.last_date', 'scoring.as_of_date') }}
            < case when products.is_in_catalogue then 365 else 180 end
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
left join sales on products.product_id = sales.product_id
left join margins on products.product_id = margins.product_id
