-- One row per day with orders that lies too far after the others to be believed.
with doubted as (
    {{ doubted_days(ref('fct_orders'), 'ordered_date', 'amount') }}
)

select
    order_date,
    cast(orders as bigint) as orders,
    cast(amount as decimal(38, 4)) as amount,
    last_date
from doubted
