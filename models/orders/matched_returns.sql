{{ reloaded('ordered_at') }}
{%- set since = reload_from('ordered_at') %}
-- One row per returned line that undoes a sale, with that sale. It is the latest
-- earlier sale to the customer of as many pieces at the same price that no return has
-- undone yet, else the latest earlier sale of the product. Returns undo at most the
-- pieces sold, and one that would undo more undoes nothing. Only earlier rows decide, so
-- a match never changes later.
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
        and quantity <> 0
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

-- Pieces are counted in thousandths, which are whole numbers.
returns as (
    select
        returned.order_id,
        returned.line_number,
        returned.ordered_at,
        returned.ordered_date,
        sold.order_id as undone_order_id,
        sold.line_number as undone_line_number,
        sold.ordered_date as undone_date,
        0 - returned.quantity as quantity,
        0 - returned.amount as amount,
        sold.quantity as sold_quantity,
        cast((0 - returned.quantity) * 1000 as bigint) as pieces,
        cast(sold.quantity * 1000 as bigint) as sold_pieces,
        row_number() over (
            partition by sold.order_id, sold.line_number order by returned.position
        ) as place,
        sum(0 - returned.quantity) over (partition by sold.order_id, sold.line_number)
            as all_returned
    from paired as returned
    inner join candidates as sold
        on
            returned.customer_key = sold.customer_key
            and returned.product_id = sold.product_id
            and returned.undone_position = sold.position
    where not returned.is_sold
),

-- Only where more came back than was sold is it asked which returns fit.
overdone as (
    select
        undone_order_id,
        undone_line_number,
        {{ sums_that_fit('in_order', 'sold_pieces') }} as sums  -- noqa: PRS
    from (
        select
            undone_order_id,
            undone_line_number,
            max(sold_pieces) as sold_pieces,
            {{ ordered_values('pieces', 'place') }} as in_order
        from returns
        where all_returned > sold_quantity
        group by undone_order_id, undone_line_number
    ) as sold_lines
),

accepted as (
    select returns.*
    from returns
    left join overdone
        on
            returns.undone_order_id = overdone.undone_order_id
            and returns.undone_line_number = overdone.undone_line_number
    where
        overdone.undone_order_id is null
        or {{ element('overdone.sums', 'returns.place + 1') }}
        > {{ element('overdone.sums', 'returns.place') }}
)

select
    order_id,
    line_number,
    ordered_at,
    undone_order_id,
    undone_line_number,
    undone_date,
    undone_date = ordered_date as is_same_day,
    cast(quantity as decimal(12, 3)) as quantity,
    cast(amount as decimal(18, 4)) as amount,
    sold_quantity
from accepted
where {{ is_unsettled('ordered_at', since) }}
