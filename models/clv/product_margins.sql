-- One row per product whose cost is known and that was sold or returned in the 365 days
-- up to the scoring date. A cost of 0 is not known: exports write 0 where nobody filled
-- a cost in.
with {{ kept_goods(last_days=365) }},

-- Rounded before they are summed, the numbers add up alike in any order.
sold as (
    select
        product_id,
        sum(cast({{ rounded('quantity', 3) }} as decimal(38, 3))) as quantity,
        sum(cast({{ rounded('spend', 4) }} as decimal(38, 4))) as spend
    from kept
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
