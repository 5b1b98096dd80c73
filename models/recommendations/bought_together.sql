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
    select order_id
    from lines
    group by order_id
    having count(*) between 2 and 100
),

kept as (
    select lines.*
    from lines
    inner join small on lines.order_id = small.order_id
),

products as (
    select
        product_id,
        count(*) as orders
    from kept
    group by product_id
),

totals as (
    select count(*) as orders from small
),

offered as (
    select product_id from {{ ref('offered_products') }}
    where is_offered
),

pairs as (
    select
        one.product_id,
        other.product_id as other_product_id,
        count(*) as orders
    from kept as one
    inner join kept as other
        on one.order_id = other.order_id and one.product_id < other.product_id
    group by one.product_id, other.product_id
    having count(*) > 1
),

both_ways as (
    select * from pairs
    union all
    select
        other_product_id as product_id,
        product_id as other_product_id,
        orders
    from pairs
),

weighed as (
    select
        both_ways.product_id,
        both_ways.other_product_id,
        both_ways.orders,
        both_ways.orders / cast(one.orders as double) as share_of_orders,
        one.orders * cast(other.orders as double) / totals.orders as expected_orders
    from both_ways
    inner join products as one on both_ways.product_id = one.product_id
    inner join products as other on both_ways.other_product_id = other.product_id
    inner join offered on both_ways.other_product_id = offered.product_id
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

ranked as (
    select
        *,
        row_number() over (
            partition by product_id
            order by lift desc, orders desc, other_product_id asc
        ) as place
    from lifted
    where lift > 1
)

select
    product_id,
    other_product_id,
    cast(place as integer) as pair_rank,
    cast(orders as bigint) as orders,
    share_of_orders,
    cast(lift as double) as lift
from ranked
where place <= 20
