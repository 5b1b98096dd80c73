{{ config(materialized="view") }}
-- One row per row of the order_lines feed, each with a line number. A line without a
-- number gets a negative one, which no shop uses.
select
    order_id,
    line_number,
    product_id,
    quantity,
    unit_price,
    discount,
    amount,
    line_type,
    unreadable,
    loaded_order
from {{ ref('stg_order_lines') }}
where line_number is not null
union all
select
    order_id,
    cast(-row_number() over (
        partition by order_id
        order by
            product_id asc nulls last,
            quantity asc nulls last,
            unit_price asc nulls last,
            discount asc nulls last,
            amount asc nulls last,
            line_type asc nulls last
    ) as integer) as line_number,
    product_id,
    quantity,
    unit_price,
    discount,
    amount,
    line_type,
    unreadable,
    loaded_order
from {{ ref('stg_order_lines') }}
where line_number is null
