{{ reloaded('ordered_at') }}
{%- set since = reload_from('ordered_at') %}
-- One row per returned line that undoes a sale, with that sale. It is the latest
-- earlier sale to the customer of as many pieces at the same price that no return has
-- undone yet, else the latest earlier sale of the product. Returns undo at most the
-- pieces sold. Only earlier rows decide, so a match never changes later.
with lines as (
    select
        *,
        {{ shop_date('ordered_at') }} as ordered_date
    from {{ ref('checked_order_lines') }}
    where
        rejection_reason is null
        and is_sale
        and customer_key is not null
        and line_type = 'product'
),

returned_products as (
    select distinct customer_key, product_id
    from lines
    where quantity < 0 and {{ is_unsettled('ordered_at', since) }}
),

candidates as (
    select
        lines.*,
        lines.quantity > 0 as is_sold,
        row_number() over (
            partition by lines.customer_key, lines.product_id
            order by
                lines.ordered_at asc,
                lines.quantity desc,
                lines.order_id asc,
                lines.line_number asc
        ) as position
    from lines
    inner join returned_products
        on
            lines.customer_key = returned_products.customer_key
            and lines.product_id = returned_products.product_id
),

-- Sales and returns of one size work like brackets: a return closes the last sale that
-- is still open at its depth.
nested as (
    select
        *,
        sum(case when is_sold then 1 else -1 end) over (
            partition by customer_key, product_id, unit_price, abs(quantity)
            order by position
            rows between unbounded preceding and current row
        ) + case when is_sold then 0 else 1 end as depth
    from candidates
),

paired as (
    select
        *,
        coalesce(
            max(case when is_sold then position end) over (
                partition by customer_key, product_id, unit_price, abs(quantity), depth
                order by position
                rows between unbounded preceding and current row
            ),
            max(case when is_sold then position end) over (
                partition by customer_key, product_id
                order by position
                rows between unbounded preceding and current row
            )
        ) as undone_position
    from nested
),

returns as (
    select
        returned.order_id,
        returned.line_number,
        returned.ordered_at,
        sold.order_id as undone_order_id,
        sold.line_number as undone_line_number,
        sold.ordered_date as undone_date,
        sold.quantity as sold_quantity,
        sum(-returned.quantity) over (
            partition by sold.order_id, sold.line_number
            order by returned.position
            rows between unbounded preceding and current row
        ) as returned_so_far
    from paired as returned
    inner join candidates as sold
        on
            returned.customer_key = sold.customer_key
            and returned.product_id = sold.product_id
            and returned.undone_position = sold.position
    where not returned.is_sold
)

select
    order_id,
    line_number,
    ordered_at,
    undone_order_id,
    undone_line_number,
    undone_date
from returns
where returned_so_far <= sold_quantity and {{ is_unsettled('ordered_at', since) }}
