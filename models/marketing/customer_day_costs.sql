-- One row per customer of an experiment and day of order with products whose cost is known
-- and believed: what the customer spent on these, and what they cost.
with {{ kept_goods() }},

-- Rounded before they are summed, the numbers add up alike in any order.
sold as (
    select
        customer_key,
        ordered_date,
        product_id,
        sum(cast({{ rounded('quantity * cast(unit_cost as double)', 4) }} as decimal(38, 4)))
            as cost,
        sum(cast({{ rounded('spend', 4) }} as decimal(38, 4))) as spend
    from kept
    group by customer_key, ordered_date, product_id
),

believed as (
    select product_id
    from sold
    group by product_id
    having sum(cost) > 0 and sum(cost) <= sum(spend)
),

in_experiments as (
    select distinct customer_key from {{ ref('experiment_assignments') }}
)

select
    sold.customer_key,
    sold.ordered_date,
    cast(sum(sold.spend) as decimal(38, 4)) as known_spend,
    cast(sum(sold.cost) as decimal(38, 4)) as known_cost
from sold
inner join believed on sold.product_id = believed.product_id
inner join in_experiments on sold.customer_key = in_experiments.customer_key
group by sold.customer_key, sold.ordered_date
