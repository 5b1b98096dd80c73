{{ config(materialized="view") }}
-- One row per line of an order that is a sale, a return or a charge.
with lines as (
    select
        order_id,
        line_number,
        customer_key,
        ordered_at,
        {{ shop_date('ordered_at') }} as ordered_date,
        case when line_type = 'product' then product_id end as product_id,
        product_id as code,
        line_type,
        counts_as,
        quantity,
        unit_price,
        discount,
        amount,
        coalesce(quantity < 0 and amount < 0, false) as is_return,
        is_sale
    from {{ ref('checked_order_lines') }}
    where
        rejection_reason is null
        and order_id not in (
            select order_id from {{ ref('summed_orders') }}
            where rejection_reason = 'amount_too_large'
        )
),

matched as (
    select * from {{ ref('matched_returns') }}
),

-- Kept apart from returns, so that queries of sales need no join.
sales as (
    select
        *,
        cast(null as string) as undone_order_id,
        cast(null as integer) as undone_line_number,
        cast(null as date) as undone_date
    from lines
    where not is_return
),

returns as (
    select
        lines.*,
        matched.undone_order_id,
        matched.undone_line_number,
        matched.undone_date
    from lines
    left join matched
        on
            lines.order_id = matched.order_id
            and lines.line_number = matched.line_number
    where lines.is_return
)

select * from sales
union all
select * from returns
