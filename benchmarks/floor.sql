-- The tables that people read of orders and features, from raw tables as scripts/load.py
-- writes them, as one would write them by hand for a shop whose ids are tidy: orders,
-- lines and days with money, keys of customers and masked texts, and features and targets
-- of all as-of dates. The rules are the project's; what it keeps for other tables, this
-- throws away: rejected records and their reasons, refunds, warnings, money checks.
create temp table customers as
select
    customer_id,
    key_of(customer_id) as customer_key,
    point_of(customer_id) as sample_point
from (select distinct customer_id from raw.orders);

-- Of a repeated order the newest row counts, then the last loaded, then the first by
-- content.
create temp table orders as
with repeated as (
    select hash(order_id) as order_hash
    from raw.orders
    group by order_hash
    having count(*) > 1
),

passed_over as (
    select orders.rowid as order_row
    from raw.orders
    left join customers on orders.customer_id = customers.customer_id
    where hash(orders.order_id) in (select order_hash from repeated)
    qualify row_number() over (
        partition by orders.order_id
        order by
            orders.updated_at desc nulls last,
            orders.loaded_order desc nulls last,
            to_json(struct_pack(
                customer_key := customers.customer_key,
                ordered_at := orders.ordered_at,
                status := orders.status,
                currency := orders.currency,
                amount := orders.amount
            ))
    ) > 1
)

select
    orders.rowid as order_row,
    orders.order_id,
    customers.customer_key,
    orders.ordered_at,
    cast(orders.ordered_at as date) as ordered_date,
    orders.amount as given_amount,
    coalesce(lower(orders.status) not in (
        'cancelled', 'canceled', 'void', 'voided', 'failed', 'unavailable'
    ), true) as is_sale
from raw.orders
left join customers on orders.customer_id = customers.customer_id
where
    orders.order_id is not null
    and orders.ordered_at >= timestamp '1970-01-01'
    and orders.ordered_at < current_date + 1
    and orders.rowid not in (select order_row from passed_over);

create table made.fct_order_lines as
with repeated as (
    select hash(order_id, line_number) as line_hash
    from raw.order_lines
    where line_number is not null
    group by line_hash
    having count(*) > 1
),

passed_over as (
    select rowid as line_row
    from raw.order_lines
    where
        line_number is not null
        and hash(order_id, line_number) in (select line_hash from repeated)
    qualify row_number() over (
        partition by order_id, line_number
        order by
            loaded_order desc nulls last,
            to_json(struct_pack(
                product_id := product_id,
                quantity := quantity,
                unit_price := unit_price,
                discount := discount
            ))
    ) > 1
),

priced as (
    select
        orders.order_id,
        lines.line_number,
        orders.customer_key,
        orders.ordered_at,
        orders.ordered_date,
        lines.product_id,
        coalesce(lower(lines.line_type), codes.line_type, 'product') as line_type,
        lines.quantity,
        lines.unit_price,
        abs(coalesce(lines.discount, 0)) as discount,
        orders.is_sale,
        cast(round(
            cast(lines.quantity as double) * cast(lines.unit_price as double)
            - case when lines.quantity < 0 then -1 else 1 end
            * abs(cast(coalesce(lines.discount, 0) as double)),
            4
        ) as decimal(18, 4)) as amount
    from raw.order_lines as lines
    inner join orders on lines.order_id = orders.order_id
    left join codes on lines.product_id = codes.product_id
    where lines.rowid not in (select line_row from passed_over)
)

select
    * replace (
        case when line_type = 'product' and unit_price < 0 then 'discount' else line_type end
        as line_type
    )
from priced
where
    line_type in ('product', 'charge', 'shipping')
    and quantity <> 0
    and (quantity > 0 or unit_price > 0)
    and amount is not null;

-- An order without lines has the money that it tells; one whose lines are all rejected
-- has none.
create temp table order_totals as
with line_totals as (
    select
        order_id,
        count(*) as lines,
        sum(case when quantity > 0 then amount else 0 end) as sold_amount,
        sum(case when quantity < 0 then 0 - amount else 0 end) as returned_amount,
        sum(case when quantity > 0 and line_type = 'product' then quantity else 0 end)
            as items
    from made.fct_order_lines
    group by order_id
),

lineless as (
    select order_id from orders
    where order_id not in (select order_id from line_totals)
),

of_rejected_lines as (
    select distinct order_id
    from raw.order_lines
    where order_id in (select order_id from lineless)
)

select
    orders.*,
    coalesce(totals.lines, 0) as lines,
    coalesce(totals.items, 0) as items,
    coalesce(totals.sold_amount, greatest(given_amount, 0), 0) as sold_amount,
    coalesce(totals.returned_amount, greatest(0 - given_amount, 0), 0) as returned_amount
from (
    select
        * replace (
            case
                when order_id not in (select order_id from of_rejected_lines)
                    then given_amount
                else 0
            end as given_amount
        )
    from orders
) as orders
left join line_totals as totals on orders.order_id = totals.order_id
where totals.order_id is not null or orders.given_amount is not null;

-- Which sale a return undoes matters only where that may be of the same day.
create temp table undone_lines as
with undoing_customers as (
    select customer_key
    from order_totals
    where is_sale and customer_key is not null
    group by customer_key, ordered_date
    having sum(sold_amount) > 0 and sum(returned_amount) > 0
),

candidates as (
    select
        lines.customer_key,
        lines.product_id,
        lines.rowid as line_row,
        lines.order_id,
        lines.quantity,
        lines.unit_price,
        lines.amount,
        lines.ordered_date,
        lines.quantity > 0 as is_sold,
        row_number() over (
            partition by lines.customer_key, lines.product_id
            order by
                lines.ordered_at,
                lines.quantity desc,
                lines.order_id,
                lines.line_number nulls first,
                lines.unit_price desc,
                lines.amount
        ) as position
    from made.fct_order_lines as lines
    where
        lines.is_sale
        and lines.line_type = 'product'
        and lines.customer_key in (select customer_key from undoing_customers)
),

nested as (
    select
        *,
        sum(case when is_sold then 1 else -1 end) over (
            partition by customer_key, product_id, unit_price, abs(quantity)
            order by position
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
            ),
            max(case when is_sold then position end) over (
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
        sold.order_id as undone_order,
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
    where not returned.is_sold
),

undone as (
    select
        undone_order,
        undone_line,
        sum(-amount) as undone_amount,
        sum(-quantity) as undone_items,
        undone_items = any_value(sold_quantity) as is_all
    from matched
    where ordered_date = undone_date and returned_so_far <= sold_quantity
    group by all
)

select * from undone;

create table made.fct_orders as
with undone as (
    select
        undone_order,
        sum(undone_amount) as undone_amount,
        sum(undone_items) as undone_items
    from undone_lines
    group by undone_order
)

select
    totals.order_id,
    totals.customer_key,
    totals.ordered_at,
    totals.ordered_date,
    lower(raw_orders.status) as status,
    upper(raw_orders.currency) as currency,
    upper(masked(raw_orders.coupon_code)) as coupon_code,
    lower(masked(raw_orders.sales_channel)) as sales_channel,
    masked(raw_orders.tags) as tags,
    lower(masked(raw_orders.utm_source)) as utm_source,
    lower(masked(raw_orders.utm_medium)) as utm_medium,
    masked(raw_orders.utm_campaign) as utm_campaign,
    raw_orders.click_id,
    totals.is_sale,
    totals.lines,
    totals.items - coalesce(undone.undone_items, 0) as items,
    totals.sold_amount,
    totals.returned_amount,
    least(coalesce(undone.undone_amount, 0), totals.sold_amount) as undone_amount,
    totals.sold_amount - totals.returned_amount as amount
from order_totals as totals
inner join raw.orders as raw_orders on totals.order_row = raw_orders.rowid
left join undone on totals.order_id = undone.undone_order;

create table made.customer_days as
with order_days as (
    select
        customer_key,
        ordered_date as activity_date,
        count(*) filter (where sold_amount > undone_amount) as orders,
        sum(items) as items,
        sum(sold_amount - undone_amount) as purchase_amount,
        sum(returned_amount - undone_amount) as returned_amount,
        sum(amount) as net_amount
    from made.fct_orders
    where customer_key is not null and is_sale
    group by customer_key, ordered_date
),

first_bought as (
    select
        customer_key,
        product_id,
        min(ordered_date) as activity_date
    from made.fct_order_lines
    where
        customer_key is not null
        and is_sale
        and line_type = 'product'
        and quantity > 0
        and rowid not in (select undone_line from undone_lines where is_all)
    group by customer_key, product_id
),

new_products as (
    select
        customer_key,
        activity_date,
        count(*) as new_products
    from first_bought
    group by customer_key, activity_date
)

select
    days.*,
    coalesce(new_products.new_products, 0) as new_products,
    days.purchase_amount > 0 as is_purchase,
    case when is_purchase then days.activity_date - lag(days.activity_date) over (
        partition by days.customer_key, is_purchase
        order by days.activity_date
    ) end as gap_days
from order_days as days
left join new_products
    on
        days.customer_key = new_products.customer_key
        and days.activity_date = new_products.activity_date;

-- All customers at the scoring date; a fixed sample of them at past origins.
create temp table customer_dates as
with first_purchases as (
    select
        days.customer_key,
        any_value(customers.sample_point) as sample_point,
        min(days.activity_date) as first_date
    from made.customer_days as days
    left join customers on days.customer_key = customers.customer_key
    where days.is_purchase
    group by days.customer_key
),

dates as (
    select
        span.last_date - offsets.days_before as as_of_date,
        offsets.days_before = 0 as is_scoring_date
    from offsets
    cross join (
        select min(ordered_date) as first_date, max(ordered_date) as last_date
        from made.fct_orders
    ) as span
    where
        offsets.days_before = 0
        or span.last_date - offsets.days_before >= span.first_date + getvariable('min_history_days')
),

shares as (
    select
        dates.as_of_date,
        dates.is_scoring_date,
        getvariable('training_customers') / count(*) as sampled_share
    from dates
    inner join first_purchases on first_purchases.first_date <= dates.as_of_date
    group by dates.as_of_date, dates.is_scoring_date
)

select
    first_purchases.customer_key,
    shares.as_of_date
from first_purchases
inner join shares on first_purchases.first_date <= shares.as_of_date
where shares.is_scoring_date or first_purchases.sample_point < shares.sampled_share;

create table made.customer_features as
with history as (
    select
        known.customer_key,
        known.as_of_date,
        days.orders,
        days.new_products,
        days.gap_days,
        cast(days.items as double) as items,
        cast(days.net_amount as double) as net_amount,
        cast(days.returned_amount as double) as returned_amount,
        case when days.is_purchase then cast(days.purchase_amount as double) end
            as purchase_amount,
        case when days.is_purchase then days.activity_date end as purchase_date,
        cast(known.as_of_date - days.activity_date as integer) as days_before
    from customer_dates as known
    inner join made.customer_days as days
        on
            known.customer_key = days.customer_key
            and known.as_of_date >= days.activity_date
),

totals as (
    select
        customer_key,
        as_of_date,
        min(purchase_date) as first_purchase_date,
        max(purchase_date) as last_purchase_date,
        count(purchase_date) as frequency,
        sum(gap_days * gap_days) as gap_square_sum,
        avg(purchase_amount) as amount_mean,
        stddev_samp(purchase_amount) as amount_sd,
        max(purchase_amount) as amount_max,
        sum(orders) as orders,
        sum(items) as items,
        sum(new_products) as distinct_products,
        round(sum(net_amount), 4) as past_spend,
        round(sum(returned_amount), 4) as returned_amount,
        count(case when returned_amount > 0 then 1 end) as return_days,
        round(sum(case when days_before < 30 then net_amount else 0 end), 4) as spend_30d,
        count(case when days_before < 30 then purchase_date end) as purchases_30d,
        round(sum(case when days_before < 90 then net_amount else 0 end), 4) as spend_90d,
        count(case when days_before < 90 then purchase_date end) as purchases_90d,
        round(sum(case when days_before < 180 then net_amount else 0 end), 4) as spend_180d,
        count(case when days_before < 180 then purchase_date end) as purchases_180d,
        round(sum(case when days_before < 365 then net_amount else 0 end), 4) as spend_365d,
        count(case when days_before < 365 then purchase_date end) as purchases_365d,
        list_reverse(max_by(days_before, purchase_date, 16)) as purchase_days_before,
        list_reverse(max_by(purchase_amount, purchase_date, 16)) as purchase_amounts
    from history
    group by customer_key, as_of_date
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
    cast(totals.distinct_products as integer) as distinct_products,
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
from totals;

create table made.customer_targets as
with windows as (
    select
        known.customer_key,
        known.as_of_date,
        horizons.horizon_days,
        known.as_of_date + horizons.horizon_days as end_date
    from customer_dates as known
    cross join horizons
    where
        known.as_of_date + horizons.horizon_days
        <= (select max(as_of_date) from customer_dates)
),

bought as (
    select
        windows.customer_key,
        windows.as_of_date,
        windows.horizon_days,
        sum(cast(days.net_amount as double)) as spend,
        count(case when days.is_purchase then 1 end) as purchases
    from windows
    inner join made.customer_days as days
        on
            windows.customer_key = days.customer_key
            and windows.as_of_date < days.activity_date
            and windows.end_date >= days.activity_date
    group by windows.customer_key, windows.as_of_date, windows.horizon_days
)

select
    windows.customer_key,
    windows.as_of_date,
    windows.horizon_days,
    greatest(coalesce(bought.spend, 0), 0) as spend,
    coalesce(bought.purchases, 0) as purchases
from windows
left join bought
    on
        windows.customer_key = bought.customer_key
        and windows.as_of_date = bought.as_of_date
        and windows.horizon_days = bought.horizon_days;
