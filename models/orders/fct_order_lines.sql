{{ config(materialized="view") }}
-- One row per line of an order that is a sale, a return or a charge.
with lines as (
    select * from {{ ref('checked_order_lines') }}
    where rejection_reason is null
),

matched as (
    select * from {{ ref('matched_returns') }}
)

select
    lines.order_id,
    lines.line_number,
    lines.customer_key,
    lines.ordered_at,
    cast(lines.ordered_at as date) as ordered_date,
    case when lines.line_type = 'product' then lines.product_id end as product_id,
    lines.product_id as code,
    lines.line_type,
    lines.quantity,
    lines.unit_price,
    lines.discount,
    lines.amount,
    lines.quantity < 0 as is_return,
    lines.is_cancelled,
    matched.undone_order_id,
    matched.undone_line_number,
    matched.undone_date
from lines
left join matched
    on
        lines.order_id = matched.order_id
        and lines.line_number = matched.line_number
