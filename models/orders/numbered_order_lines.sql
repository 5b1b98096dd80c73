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
    {{ made_line_number() }} as line_number,
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
