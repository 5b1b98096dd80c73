-- One row per customer who bought or returned products whose cost is known and believed,
-- at any time up to the scoring date: what they spent on these, and what that cost.
with {{ kept_goods() }},

-- Rounded before they are summed, the numbers add up alike in any order.
sold as (
    select
        customer_key,
        product_id,
        sum(cast({{ rounded('quantity * cast(unit_cost as double)', 4) }} as decimal(38, 4)))
            as cost,
        sum(cast({{ rounded('spend', 4) }} as decimal(38, 4))) as spend
    from kept
    group by
        customer_key,
        product_id
),

believed as (
    select product_id
    from sold
    group by product_id
    having sum(cost) > 0 and sum(cost) <= sum(spend)
)

select
    sold.customer_key,
    cast(sum(sold.spend) as decimal(38, 4)) as known_spend,
    cast(sum(sold.cost) as decimal(38, 4)) as known_cost
from sold
inner join believed on sold.product_id = believed.product_id
where sold.customer_key is not null
group by sold.customer_key
