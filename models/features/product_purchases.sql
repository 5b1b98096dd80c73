-- One row per customer, product and day on which they bought it, up to the scoring date.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

lines as (
    select lines.*
    from {{ ref('fct_order_lines') }} as lines
    inner join scoring on lines.ordered_date <= scoring.as_of_date
    where
        lines.is_sale
        and lines.customer_key is not null
        and lines.product_id is not null
),

-- What was given away says nothing of what somebody wants.
bought as (
    select
        customer_key,
        product_id,
        ordered_date as purchase_date,
        sum(cast(quantity as decimal(38, 3))) as quantity,
        sum(cast(amount as decimal(38, 4))) as amount
    from lines
    where not is_return and quantity > 0 and amount > 0
    group by customer_key, product_id, ordered_date
),

returned as (
    select
        customer_key,
        product_id,
        undone_date as purchase_date,
        sum(cast(0 - quantity as decimal(38, 3))) as quantity,
        max(ordered_date) as returned_date
    from lines
    where is_return and undone_date is not null
    group by customer_key, product_id, undone_date
)

select
    bought.customer_key,
    bought.product_id,
    bought.purchase_date,
    cast(bought.quantity as decimal(38, 3)) as quantity,
    cast(bought.amount as decimal(38, 4)) as amount,
    case when returned.quantity >= bought.quantity then returned.returned_date end
        as returned_date
from bought
left join returned
    on
        bought.customer_key = returned.customer_key
        and bought.product_id = returned.product_id
        and bought.purchase_date = returned.purchase_date
