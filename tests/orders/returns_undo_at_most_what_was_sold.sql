-- A return undoes an earlier sale to the same customer, of at least as many pieces.
with lines as (
    select * from {{ ref('fct_order_lines') }}
),

undone as (
    select
        undone_order_id,
        undone_line_number,
        sum(-quantity) as returned_quantity,
        min(ordered_at) as returned_at,
        min(customer_key) as first_customer_key,
        max(customer_key) as last_customer_key
    from lines
    where undone_order_id is not null
    group by undone_order_id, undone_line_number
)

select
    undone.*,
    lines.quantity,
    lines.ordered_at
from undone
left join lines
    on
        undone.undone_order_id = lines.order_id
        and undone.undone_line_number = lines.line_number
where
    lines.order_id is null
    or undone.returned_quantity > lines.quantity
    or undone.returned_at < lines.ordered_at
    or undone.first_customer_key != lines.customer_key
    or undone.last_customer_key != lines.customer_key
