-- One row per customer and month of order with products whose cost is known and believed,
-- up to the scoring date: what the customer spent on these, and what that cost.
with {{ kept_goods() }},

-- Rounded before they are summed, the numbers add up alike in any order.
sold as (
    select
        customer_key,
        product_id,
        cast(date_trunc('month', ordered_date) as date) as month,
        sum(cast({{ rounded('quantity * cast(unit_cost as double)', 4) }} as decimal(38, 4)))
            as cost,
        sum(cast({{ rounded('spend', 4) }} as decimal(38, 4))) as spend
    from kept
    group by
        customer_key,
        product_id,
        cast(date_trunc('month', ordered_date) as date)
),

believed as (
    select product_id
    from sold
    group by product_id
    having sum(cost) > 0 and sum(cost) <= sum(spend)
)

select
    sold.customer_key,
    sold.month,
    cast(sum(sold.spend) as decimal(38, 4)) as known_spend,
    cast(sum(sold.cost) as decimal(38, 4)) as known_cost
from sold
inner join believed on sold.product_id = believed.product_id
where sold.customer_key is not null
group by
    sold.customer_key,
    sold.month
