-- One row per customer and product that they bought: how fresh their interest in it is.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

faded as (
    select
        purchases.customer_key,
        purchases.product_id,
        sum(power(
            2e0, {{ days_between('scoring.as_of_date', 'purchases.purchase_date') }} / 180e0
        )) as interest
    from {{ ref('product_purchases') }} as purchases
    cross join scoring
    where purchases.returned_date is null
    group by purchases.customer_key, purchases.product_id
)

select
    customer_key,
    product_id,
    -- Rounded, sums do not depend on the order of rows.
    cast({{ rounded('least(interest, 1e0)', 9) }} as decimal(18, 9)) as interest
from faded
