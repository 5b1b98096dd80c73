-- One row per product whose cost is known and that was sold or returned in the 365 days
-- up to the scoring date. A cost of 0 is not known: exports write 0 where nobody filled
-- a cost in.
with costs as (
    select
        product_id,
        product_name,
        category,
        unit_cost
    from {{ ref('dim_products') }}
    where unit_cost > 0 and line_type = 'product'
),

scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- A return gives its cost back. A line of no pieces, or one that takes money off pieces
-- that another line sells, costs nothing.
lines as (
    select
        lines.product_id,
        lines.quantity,
        lines.amount,
        case when lines.quantity < 0 or lines.amount >= 0 then lines.quantity else 0 end
            as costly_quantity
    from {{ ref('fct_order_lines') }} as lines
    cross join scoring
    where
        lines.is_sale
        and lines.product_id is not null
        and lines.ordered_date <= scoring.as_of_date
        and lines.ordered_date > {{ plus_days('scoring.as_of_date', -365) }}
),

sold as (
    select
        product_id,
        sum(costly_quantity) as quantity,
        sum(amount) as spend
    from lines
    group by product_id
),

costed as (
    select
        costs.product_id,
        costs.product_name,
        costs.category,
        cast(sold.quantity as decimal(38, 3)) as quantity,
        cast(sold.spend as decimal(38, 4)) as spend,
        costs.unit_cost,
        cast(
            {{ rounded('cast(sold.quantity as double) * cast(costs.unit_cost as double)', 4) }}
            as decimal(38, 4)
        ) as cost
    from costs
    inner join sold on costs.product_id = sold.product_id
)

select
    product_id,
    product_name,
    category,
    quantity,
    spend,
    unit_cost,
    cost,
    case when spend > 0 then 1 - cast(cost as double) / cast(spend as double) end as margin,
    spend > 0 and cost > 0 and cost <= spend as is_believed
from costed
