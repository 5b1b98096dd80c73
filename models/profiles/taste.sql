-- One row per customer who bought a known product up to the scoring date: how broadly
-- they buy, how much of it is new to them, and how dear it is for its category.
with bought as (
    select * from {{ ref('bought_products') }}
),

priced as (
    select
        lines.product_id,
        cast(sum(lines.amount) as double) / cast(sum(lines.quantity) as double) as price
    from {{ ref('fct_order_lines') }} as lines
    inner join {{ ref('as_of_dates') }} as dates
        on lines.ordered_date <= dates.as_of_date and dates.is_scoring_date
    where lines.product_id is not null and lines.is_sale and lines.quantity > 0
    group by lines.product_id
),

-- Products without a category are compared with each other.
levels as (
    select
        priced.product_id,
        products.category,
        rank() over (partition by products.category order by priced.price) - 1 as cheaper,
        count(*) over (partition by products.category) - 1 as others
    from priced
    inner join {{ ref('dim_products') }} as products
        on priced.product_id = products.product_id
),

products as (
    select
        product_id,
        category,
        case
            when others > 0
                then cast({{ rounded('cheaper / cast(others as double)', 6) }} as decimal(18, 6))
            else cast(0.5 as decimal(18, 6))
        end as price_level
    from levels
),

firsts as (
    select
        customer_key,
        min(first_bought_date) as first_bought_date
    from bought
    group by customer_key
),

customers as (
    select
        bought.customer_key,
        count(*) as distinct_products,
        count(distinct products.category) as distinct_categories,
        sum(products.price_level) as price_levels,
        count(case when bought.first_bought_date > firsts.first_bought_date then 1 end)
            as new_later,
        sum(bought.times - 1) as bought_again
    from bought
    inner join firsts on bought.customer_key = firsts.customer_key
    inner join products on bought.product_id = products.product_id
    group by bought.customer_key
),

shop as (
    select
        cast(sum(new_later) as double)
        / nullif(sum(new_later) + sum(bought_again), 0) as novelty
    from customers
),

drawn as (
    select
        customers.customer_key,
        customers.distinct_products,
        customers.distinct_categories,
        (cast(customers.price_levels as double) + 3 * 0.5e0)
        / (customers.distinct_products + 3) as price_level,
        case
            when customers.new_later + customers.bought_again > 0
                then
                    (customers.new_later + 5 * shop.novelty)
                    / (customers.new_later + customers.bought_again + 5)
        end as novelty
    from customers
    cross join shop
)

select
    customer_key,
    cast(distinct_products as integer) as distinct_products,
    cast(distinct_categories as integer) as distinct_categories,
    novelty,
    price_level,
    case
        when price_level < 0.4 then 'low'
        when price_level < 0.6 then 'middle'
        else 'high'
    end as price_tier
from drawn
