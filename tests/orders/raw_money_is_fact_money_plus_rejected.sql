-- The money of the raw rows is the money of facts plus that of rejected rows, exactly:
-- of lines, of orders without lines, of refunds, of advertising and of coupons.
with lined_orders as (
    select distinct order_id from {{ ref('stg_order_lines') }}
    where order_id is not null
),

raw_money as (
    select
        'order_lines' as feed,
        sum({{ line_amount(
            'lines.quantity',
            'lines.unit_price',
            'lines.discount',
            'lines.amount',
            'lower(coalesce(lines.line_type, codes.line_type))'
        ) }}) as money
    from {{ ref('stg_order_lines') }} as lines
    left join {{ ref('non_product_codes') }} as codes
        on lines.product_id = codes.product_id
    union all
    select
        'orders' as feed,
        sum(orders.amount) as money
    from {{ ref('stg_orders') }} as orders
    left join lined_orders on orders.order_id = lined_orders.order_id
    where lined_orders.order_id is null
    union all
    select
        'refunds' as feed,
        sum(abs(amount)) as money
    from {{ ref('stg_refunds') }}
    union all
    select
        'marketing_spend' as feed,
        sum(amount) as money
    from {{ ref('stg_marketing_spend') }}
    union all
    select
        'redemptions' as feed,
        sum(abs(amount)) as money
    from {{ ref('stg_redemptions') }}
),

accounted as (
    select
        'order_lines' as feed,
        sum(amount) as money
    from {{ ref('fct_order_lines') }}
    union all
    select
        'orders' as feed,
        sum(orders.total_amount) as money
    from {{ ref('fct_orders') }} as orders
    left join lined_orders on orders.order_id = lined_orders.order_id
    where lined_orders.order_id is null
    union all
    select
        'refunds' as feed,
        sum(amount) as money
    from {{ ref('fct_refunds') }}
    where source = 'refunds'
    union all
    select
        'marketing_spend' as feed,
        sum(amount) as money
    from {{ ref('fct_marketing_spend') }}
    union all
    select
        'redemptions' as feed,
        sum(amount) as money
    from {{ ref('fct_redemptions') }}
    union all
    select
        feed,
        sum(amount) as money
    from {{ ref('rejected_records') }}
    where feed in ('order_lines', 'orders', 'refunds', 'marketing_spend', 'redemptions')
    group by feed
),

accounted_totals as (
    select
        feed,
        coalesce(sum(money), 0) as money
    from accounted
    group by feed
)

select
    raw_money.feed,
    raw_money.money as raw_money,
    accounted_totals.money as accounted_money
from raw_money
inner join accounted_totals on raw_money.feed = accounted_totals.feed
where coalesce(raw_money.money, 0) <> accounted_totals.money
