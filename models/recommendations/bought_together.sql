-- One row per product and each of the products that the same orders hold.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- Orders of guests count too. An order of very many products says little of any two, and
-- has as many pairs as thousands of others.
lines as (
    select distinct
        lines.order_id,
        lines.product_id
    from {{ ref('fct_order_lines') }} as lines
    cross join scoring
    where
        lines.is_sale
        and not lines.is_return
        and lines.product_id is not null
        and lines.quantity > 0
        and lines.ordered_date <= scoring.as_of_date
        and lines.ordered_date > {{ plus_days('scoring.as_of_date', -365) }}
),

small as (
    select
        order_id,
        row_number() over (order by order_id) as order_number
    from lines
    group by order_id
    having count(*) between 2 and 100
),

-- Pairs are counted by numbers, which takes less time than by ids. The order of the
-- numbers is that of the ids.
products as (
    select
        lines.product_id,
        cast(row_number() over (order by lines.product_id) as integer) as product_number,
        count(*) as orders
    from lines
    inner join small on lines.order_id = small.order_id
    group by lines.product_id
),

kept as (
    select
        small.order_number,
        products.product_number
    from lines
    inner join small on lines.order_id = small.order_id
    inner join products on lines.product_id = products.product_id
),

totals as (
    select count(*) as orders from small
),

offered as (
    select products.product_number
    from products
    inner join {{ ref('offered_products') }} as offered_products
        on products.product_id = offered_products.product_id
    where offered_products.is_offered
),

pairs as (
    select
        one.product_number,
        other.product_number as other_number,
        count(*) as orders
    from kept as one
    inner join kept as other
        on
            one.order_number = other.order_number
            and one.product_number < other.product_number
    group by one.product_number, other.product_number
    having count(*) >= {{ [2, setting('smallest_group')] | max }}
),

weighed as (
    select
        pairs.*,
        one.orders as product_orders,
        other.orders as other_orders,
        one.orders * cast(other.orders as double) / totals.orders as expected_orders
    from pairs
    inner join products as one on pairs.product_number = one.product_number
    inner join products as other on pairs.other_number = other.product_number
    cross join totals
),

-- Five more orders on both sides, so that two orders by chance are no rule.
lifted as (
    select
        *,
        cast({{ rounded('(orders + 5e0) / (expected_orders + 5e0)', 9) }} as decimal(18, 9))
            as lift
    from weighed
),

both_ways as (
    select
        product_number,
        other_number,
        product_orders,
        orders,
        lift
    from lifted
    where lift > 1
    union all
    select
        other_number as product_number,
        product_number as other_number,
        other_orders as product_orders,
        orders,
        lift
    from lifted
    where lift > 1
),

ranked as (
    select
        both_ways.*,
        row_number() over (
            partition by both_ways.product_number
            order by
                both_ways.lift desc, both_ways.orders desc, both_ways.other_number asc
        ) as place
    from both_ways
    inner join offered on both_ways.other_number = offered.product_number
)

select
    products.product_id,
    other_products.product_id as other_product_id,
    cast(ranked.place as integer) as pair_rank,
    cast(ranked.orders as bigint) as orders,
    ranked.orders / cast(ranked.product_orders as double) as share_of_orders,
    cast(ranked.lift as double) as lift
from ranked
inner join products on ranked.product_number = products.product_number
inner join products as other_products
    on ranked.other_number = other_products.product_number
where ranked.place <= 20
