-- One row per customer: the columns of features.customer_features at the scoring date,
-- from raw tables as scripts/load.py writes them, as fast as one query can make them.
-- The rules are the project's; what it keeps for other tables, this throws away: every
-- rejected record and its reason, the facts, past origins, exact decimals.
create or replace table made.customer_features as
with repeated_orders as (
    select hash(order_id) as order_hash
    from raw.orders
    where order_id is not null
    group by order_hash
    having count(*) > 1
),

-- The first of each order, by time, then by content.
first_of_repeated as (
    select rowid as order_row
    from raw.orders
    where hash(order_id) in (select order_hash from repeated_orders)
    qualify row_number() over (
        partition by order_id
        order by ordered_at, to_json(struct_pack(
            order_id := order_id,
            customer_key := customer_id,
            ordered_at := ordered_at,
            status := status,
            currency := currency,
            amount := amount,
            unreadable := cast(null as varchar)
        ))
    ) = 1
),

-- Guests and cancelled orders have no customer; they count for the scoring date only.
orders as (
    select
        rowid as order_row,
        order_id,
        ordered_at,
        cast(ordered_at as date) as ordered_date,
        cast(amount as double) as amount,
        case
            when
                status is null
                or lower(status) not in (
                    'cancelled', 'canceled', 'void', 'voided', 'failed', 'unavailable'
                )
                then customer_id
        end as customer_key
    from raw.orders
    where
        order_id is not null
        and ordered_at >= timestamp '1970-01-01'
        and ordered_at < current_date + 1
        and (
            hash(order_id) not in (select order_hash from repeated_orders)
            or rowid in (select order_row from first_of_repeated)
        )
),

lines as materialized (
    select
        orders.order_row,
        orders.customer_key,
        lines.rowid as line_row,
        lines.line_number,
        lines.product_id,
        coalesce(lower(lines.line_type), codes.line_type, 'product') as stands_for,
        stands_for = 'product' and lines.unit_price >= 0 as is_product,
        lines.quantity,
        lines.unit_price,
        case
            when
                stands_for in ('product', 'charge', 'shipping')
                and lines.quantity <> 0
                and (lines.quantity > 0 or lines.unit_price > 0)
                then round(
                    cast(lines.quantity as double) * cast(lines.unit_price as double)
                    - case
                        when lines.discount is null then 0
                        when lines.quantity < 0 then -abs(cast(lines.discount as double))
                        else abs(cast(lines.discount as double))
                    end,
                    4
                )
        end as amount
    from raw.order_lines as lines
    inner join orders on lines.order_id = orders.order_id
    left join codes on lines.product_id = codes.product_id
),

-- An order whose line numbers fill fewer bits than it has lines may repeat one. That
-- is found in the aggregation that is needed anyway.
all_totals as (
    select
        order_row,
        sum(amount) filter (where quantity > 0) as sold_amount,
        -sum(amount) filter (where quantity < 0) as returned_amount,
        sum(cast(quantity as double)) filter (
            where is_product and quantity > 0 and amount is not null
        ) as items,
        bit_count(bit_or(cast(1 as ubigint) << cast(line_number & 63 as ubigint)))
            < count(line_number) as may_repeat
    from lines
    group by order_row
),

repeated_lines as (
    select lines.*
    from lines
    inner join raw.order_lines as raw_lines on lines.line_row = raw_lines.rowid
    where
        lines.line_number is not null
        and lines.order_row in (select order_row from all_totals where may_repeat)
    qualify row_number() over (
        partition by lines.order_row, lines.line_number
        order by lines.product_id, to_json(struct_pack(
            order_id := raw_lines.order_id,
            line_number := raw_lines.line_number,
            product_id := raw_lines.product_id,
            quantity := raw_lines.quantity,
            unit_price := raw_lines.unit_price,
            discount := raw_lines.discount,
            unreadable := cast(null as varchar)
        ))
    ) > 1
),

repeated_totals as (
    select
        order_row,
        coalesce(sum(amount) filter (where quantity > 0), 0) as sold_amount,
        coalesce(-sum(amount) filter (where quantity < 0), 0) as returned_amount,
        coalesce(sum(cast(quantity as double)) filter (
            where is_product and quantity > 0 and amount is not null
        ), 0) as items
    from repeated_lines
    group by order_row
),

order_totals as (
    select
        orders.order_row,
        orders.customer_key,
        orders.ordered_date,
        case
            when totals.order_row is null then greatest(orders.amount, 0)
            else coalesce(totals.sold_amount, 0) - coalesce(repeated.sold_amount, 0)
        end as sold_amount,
        case
            when totals.order_row is null then greatest(-orders.amount, 0)
            else
                coalesce(totals.returned_amount, 0)
                - coalesce(repeated.returned_amount, 0)
        end as returned_amount,
        coalesce(totals.items, 0) - coalesce(repeated.items, 0) as items
    from orders
    left join all_totals as totals on orders.order_row = totals.order_row
    left join repeated_totals as repeated on orders.order_row = repeated.order_row
    where totals.order_row is not null or orders.amount is not null
),

scoring as (
    select max(ordered_date) as as_of_date from order_totals
),

day_totals as (
    select
        customer_key,
        ordered_date,
        count(*) filter (where round(sold_amount, 4) > 0) as orders,
        sum(items) as items,
        round(sum(sold_amount), 4) as sold_amount,
        round(sum(returned_amount), 4) as returned_amount
    from order_totals
    where customer_key is not null
    group by customer_key, ordered_date
),

-- Which sale a return undoes matters only where that may be of the same day.
undoing_customers as (
    select distinct customer_key
    from day_totals
    where sold_amount > 0 and returned_amount > 0
),

undoing_lines as materialized (
    select * from lines
    where
        customer_key in (select customer_key from undoing_customers)
        and is_product
        and amount is not null
        and line_row not in (select line_row from repeated_lines)
),

candidates as (
    select
        lines.customer_key,
        lines.product_id,
        lines.line_row,
        lines.order_row,
        lines.quantity,
        lines.unit_price,
        lines.amount,
        orders.ordered_date,
        lines.quantity > 0 as is_sale,
        row_number() over (
            partition by lines.customer_key, lines.product_id
            order by
                orders.ordered_at,
                lines.quantity desc,
                orders.order_id,
                lines.line_number nulls first,
                lines.unit_price desc,
                lines.amount
        ) as position
    from undoing_lines as lines
    inner join orders on lines.order_row = orders.order_row
),

nested as (
    select
        *,
        sum(case when is_sale then 1 else -1 end) over (
            partition by customer_key, product_id, unit_price, abs(quantity)
            order by position
        ) + case when is_sale then 0 else 1 end as depth
    from candidates
),

paired as (
    select
        *,
        coalesce(
            max(case when is_sale then position end) over (
                partition by customer_key, product_id, unit_price, abs(quantity), depth
                order by position
            ),
            max(case when is_sale then position end) over (
                partition by customer_key, product_id
                order by position
            )
        ) as undone_position
    from nested
),

matched as (
    select
        returned.customer_key,
        returned.ordered_date,
        returned.amount,
        returned.quantity,
        sold.line_row as undone_line,
        sold.order_row as undone_order,
        sold.ordered_date as undone_date,
        sold.quantity as sold_quantity,
        sum(-returned.quantity) over (
            partition by sold.line_row order by returned.position
        ) as returned_so_far
    from paired as returned
    inner join candidates as sold
        on
            returned.customer_key = sold.customer_key
            and returned.product_id = sold.product_id
            and returned.undone_position = sold.position
    where not returned.is_sale
),

undone_lines as materialized (
    select
        customer_key,
        ordered_date,
        undone_order,
        undone_line,
        sum(-amount) as undone_amount,
        sum(-quantity) as undone_items,
        undone_items = any_value(sold_quantity) as is_all
    from matched
    where ordered_date = undone_date and returned_so_far <= sold_quantity
    group by all
),

undone_orders as (
    select
        customer_key,
        ordered_date,
        undone_order,
        sum(undone_amount) as undone_amount,
        sum(undone_items) as undone_items
    from undone_lines
    group by all
),

undone as (
    select
        undone_orders.customer_key,
        undone_orders.ordered_date,
        sum(least(undone_orders.undone_amount, order_totals.sold_amount)) as undone_amount,
        sum(undone_orders.undone_items) as undone_items,
        count(*) filter (
            where round(undone_orders.undone_amount - order_totals.sold_amount, 4) >= 0
        ) as undone_orders
    from undone_orders
    inner join order_totals on undone_orders.undone_order = order_totals.order_row
    group by undone_orders.customer_key, undone_orders.ordered_date
),

days as (
    select
        totals.customer_key,
        totals.ordered_date,
        totals.orders - coalesce(undone.undone_orders, 0) as orders,
        totals.items - coalesce(undone.undone_items, 0) as items,
        totals.sold_amount - totals.returned_amount as net_amount,
        round(totals.returned_amount - coalesce(undone.undone_amount, 0), 4)
            as returned_amount,
        case
            when round(totals.sold_amount - coalesce(undone.undone_amount, 0), 4) > 0
                then totals.sold_amount - coalesce(undone.undone_amount, 0)
        end as purchase_amount,
        case when purchase_amount is not null then totals.ordered_date end
            as purchase_date,
        purchase_date - lag(purchase_date) over (
            partition by totals.customer_key, purchase_date is null
            order by totals.ordered_date
        ) as gap_days,
        scoring.as_of_date - totals.ordered_date as days_before,
        scoring.as_of_date
    from day_totals as totals
    cross join scoring
    left join undone
        on
            totals.customer_key = undone.customer_key
            and totals.ordered_date = undone.ordered_date
),

-- Not count(distinct), which holds every value of every group at once.
products as (
    select
        customer_key,
        count(*) as distinct_products
    from (
        select distinct customer_key, product_id
        from lines
        where
            customer_key is not null
            and is_product
            and quantity > 0
            and amount is not null
            and line_row not in (select line_row from repeated_lines)
            and line_row not in (select undone_line from undone_lines where is_all)
    )
    group by customer_key
),

totals as (
    select
        customer_key,
        any_value(as_of_date) as as_of_date,
        min(purchase_date) as first_purchase_date,
        max(purchase_date) as last_purchase_date,
        count(purchase_date) as frequency,
        sum(gap_days * gap_days) as gap_square_sum,
        avg(purchase_amount) as amount_mean,
        stddev_samp(purchase_amount) as amount_sd,
        max(purchase_amount) as amount_max,
        sum(orders) as orders,
        sum(items) as items,
        sum(net_amount) as past_spend,
        sum(returned_amount) as returned_amount,
        count(*) filter (where returned_amount > 0) as return_days,
        coalesce(sum(net_amount) filter (where days_before < 30), 0) as spend_30d,
        coalesce(sum(net_amount) filter (where days_before < 90), 0) as spend_90d,
        coalesce(sum(net_amount) filter (where days_before < 180), 0) as spend_180d,
        coalesce(sum(net_amount) filter (where days_before < 365), 0) as spend_365d,
        count(purchase_date) filter (where days_before < 30) as purchases_30d,
        count(purchase_date) filter (where days_before < 90) as purchases_90d,
        count(purchase_date) filter (where days_before < 180) as purchases_180d,
        count(purchase_date) filter (where days_before < 365) as purchases_365d,
        list_reverse(max_by(days_before, purchase_date, 16)) as purchase_days_before,
        list_reverse(max_by(purchase_amount, purchase_date, 16)) as purchase_amounts
    from days
    group by customer_key
    having count(purchase_date) > 0
)

select
    totals.customer_key,
    totals.as_of_date,
    totals.first_purchase_date,
    totals.last_purchase_date,
    cast(totals.frequency as integer) as frequency,
    cast(totals.as_of_date - totals.last_purchase_date as integer) as recency_days,
    cast(totals.as_of_date - totals.first_purchase_date as integer) as tenure_days,
    case
        when totals.frequency > 1
            then (totals.last_purchase_date - totals.first_purchase_date)
            / (totals.frequency - 1)
    end as cycle_days,
    case
        when totals.frequency > 2
            then sqrt(greatest(
                0,
                totals.gap_square_sum - cycle_days * cycle_days * (totals.frequency - 1)
            ) / (totals.frequency - 2))
    end as cycle_sd_days,
    totals.amount_mean,
    totals.amount_sd,
    totals.purchase_amounts[-1] as amount_last,
    totals.amount_max,
    cast(totals.orders as integer) as orders,
    totals.items,
    cast(coalesce(products.distinct_products, 0) as integer) as distinct_products,
    totals.past_spend,
    totals.returned_amount,
    cast(totals.return_days as integer) as return_days,
    totals.spend_30d,
    cast(totals.purchases_30d as integer) as purchases_30d,
    totals.spend_90d,
    cast(totals.purchases_90d as integer) as purchases_90d,
    totals.spend_180d,
    cast(totals.purchases_180d as integer) as purchases_180d,
    totals.spend_365d,
    cast(totals.purchases_365d as integer) as purchases_365d,
    totals.purchase_days_before,
    totals.purchase_amounts,
    -- The shop has orders and their lines, and no other feeds.
    0 as views_30d,
    0 as carts_30d,
    0 as sessions_30d,
    cast(null as integer) as days_since_seen,
    0 as reviews,
    cast(null as double) as rating_mean,
    cast(null as integer) as rating_last,
    cast(null as varchar) as acquisition_channel,
    totals.frequency * totals.amount_mean * cycle_days as formula_value
from totals
left join products on totals.customer_key = products.customer_key
