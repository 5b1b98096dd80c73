-- The money of the raw rows is the money of facts plus that of rejected rows, exactly.
with lined_orders as (
    select distinct order_id from {{ ref('stg_order_lines') }}
    where order_id is not null
),

raw_money as (
    select sum({{ line_amount('quantity', 'unit_price', 'discount') }}) as money
    from {{ ref('stg_order_lines') }}
    union all
    select sum(orders.amount)
    from {{ ref('stg_orders') }} as orders
    left join lined_orders on orders.order_id = lined_orders.order_id
    where lined_orders.order_id is null
),

accounted as (
    select sum(amount) as money from {{ ref('fct_orders') }}
    union all
    select sum(amount) from {{ ref('rejected_records') }}
),

totals as (
    select
        (select coalesce(sum(money), 0) from raw_money) as raw_money,
        (select coalesce(sum(money), 0) from accounted) as accounted_money
)

select * from totals
where raw_money != accounted_money
