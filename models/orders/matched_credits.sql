{{ reloaded('ordered_at') }}
{%- set since = reload_from('ordered_at') %}
-- One row per credit, an order of negative money without lines, that undoes an earlier
-- order: the one whose number it bears with something before or after it (1-R undoes 1),
-- else the customer's latest earlier sale of the same amount that is still open, else
-- the latest of at least that amount that it fits into. If no sale is found, the same
-- is asked of orders that were no sale. A credit that undoes none stays one.
{%- set number_parts = [
    ("[^0-9A-Za-z]*[A-Za-z]+[^0-9A-Za-z]*[0-9]*$", "1-R, 1R, 1-R2"),
    ("[^0-9A-Za-z]+[0-9A-Za-z]+$", "1-1, 1/R2"),
    ("^[A-Za-z]+[^0-9A-Za-z]*", "R-1, R1"),
    ("^[0-9A-Za-z]+[^0-9A-Za-z]+", "R2-1"),
] %}
with orders as (
    select
        *,
        total_amount < 0 and not has_lines and is_sale as is_credit
    from {{ ref('summed_orders') }}
    where rejection_reason is null
),

all_credits as (
    select
        order_id,
        customer_key,
        coalesce(customer_key, '') as owner,
        ordered_at,
        0 - total_amount as amount
    from orders
    where is_credit
),

-- Earlier credits say which orders are still open.
credits as (
    select * from all_credits
    {%- if since %}
    where owner in (
        select owner from all_credits
        where {{ is_unsettled('ordered_at', since) }}
    )
    {%- endif %}
),

numbers as (
    {% for pattern, examples in number_parts -%}
    -- {{ examples }}
    select
        *,
        regexp_replace(order_id, '{{ pattern }}', '') as number
    from credits
    {{ "union all" if not loop.last }}
    {% endfor %}
),

by_number as (
    select
        numbers.order_id,
        orders.order_id as undone_order_id,
        row_number() over (
            partition by numbers.order_id
            order by length(orders.order_id) desc, orders.order_id asc
        ) as place
    from numbers
    inner join orders
        on
            numbers.number = orders.order_id
            and numbers.owner = coalesce(orders.customer_key, '')
            and numbers.ordered_at >= orders.ordered_at
    where orders.total_amount > 0
),

named as (
    select
        order_id,
        undone_order_id
    from by_number
    where place = 1
),

-- The other credits of known customers, and what each could undo.
open_credits as (
    select credits.*
    from credits
    left join named on credits.order_id = named.order_id
    where named.order_id is null and credits.customer_key is not null
),

open_orders as (
    select
        orders.order_id,
        orders.customer_key,
        orders.ordered_at,
        orders.total_amount as amount,
        orders.is_sale
    from orders
    inner join (select distinct customer_key from open_credits) as owners
        on orders.customer_key = owners.customer_key
    left join (select distinct undone_order_id from named) as taken
        on orders.order_id = taken.undone_order_id
    where taken.undone_order_id is null and orders.total_amount > 0
),

-- What each credit could undo, by time and amount.
could_undo as (
    select
        credits.order_id,
        credits.ordered_at,
        credits.amount,
        open_orders.order_id as undone_order_id,
        open_orders.ordered_at as undone_at,
        open_orders.amount as order_amount,
        open_orders.is_sale
    from open_credits as credits
    inner join open_orders
        on
            credits.customer_key = open_orders.customer_key
            and credits.ordered_at >= open_orders.ordered_at
            and credits.amount <= open_orders.amount
),

-- Sales and credits of one amount work like brackets: a credit closes the last sale that
-- is still open at its depth.
sequence as (
    select
        order_id,
        customer_key,
        ordered_at,
        amount,
        1 as step
    from open_orders
    where is_sale
    union all
    select
        order_id,
        customer_key,
        ordered_at,
        amount,
        -1 as step
    from open_credits
),

positioned as (
    select
        *,
        row_number() over (
            partition by customer_key order by ordered_at asc, step desc, order_id asc
        ) as position
    from sequence
),

nested as (
    select
        *,
        sum(step) over (
            partition by customer_key, amount
            order by position
            rows between unbounded preceding and current row
        ) + case when step = 1 then 0 else 1 end as depth
    from positioned
),

closing as (
    select
        *,
        max(case when step = 1 then position end) over (
            partition by customer_key, amount, depth
            order by position
            rows between unbounded preceding and current row
        ) as closed_position
    from nested
),

of_same_amount as (
    select
        credits.order_id,
        credits.ordered_at,
        sales.order_id as undone_order_id
    from closing as credits
    inner join positioned as sales
        on
            credits.customer_key = sales.customer_key
            and credits.closed_position = sales.position
    where credits.step = -1
),

-- The latest sale of at least the amount, of those that no earlier credit closed.
larger_sales as (
    select
        could_undo.order_id,
        could_undo.ordered_at,
        could_undo.amount,
        could_undo.undone_order_id,
        could_undo.order_amount,
        row_number() over (
            partition by could_undo.order_id
            order by could_undo.undone_at desc, could_undo.undone_order_id desc
        ) as place
    from could_undo
    left join of_same_amount as matched on could_undo.order_id = matched.order_id
    left join of_same_amount as closed
        on
            could_undo.undone_order_id = closed.undone_order_id
            and could_undo.ordered_at >= closed.ordered_at
    where
        could_undo.is_sale
        and matched.order_id is null
        and closed.undone_order_id is null
),

-- Money is counted in its smallest unit here, which are whole numbers.
fitting as (
    select
        order_id,
        undone_order_id,
        cast(amount * 10000 as bigint) as units,
        cast(order_amount * 10000 as bigint) as order_units,
        row_number() over (
            partition by undone_order_id order by ordered_at asc, order_id asc
        ) as place
    from larger_sales
    where place = 1
),

sums as (
    select
        undone_order_id,
        {{ sums_that_fit('in_order', 'order_units') }} as sums  -- noqa: PRS
    from (
        select
            undone_order_id,
            max(order_units) as order_units,
            {{ ordered_values('units', 'place') }} as in_order
        from fitting
        group by undone_order_id
    ) as undone_sales
),

of_larger_amount as (
    select
        fitting.order_id,
        fitting.undone_order_id
    from fitting
    inner join sums on fitting.undone_order_id = sums.undone_order_id
    where
        {{ element('sums.sums', 'fitting.place + 1') }}
        > {{ element('sums.sums', 'fitting.place') }}
),

of_sales as (
    select * from named
    union all
    select
        order_id,
        undone_order_id
    from of_same_amount
    union all
    select * from of_larger_amount
),

no_sales as (
    select
        could_undo.order_id,
        could_undo.ordered_at,
        could_undo.undone_order_id,
        row_number() over (
            partition by could_undo.order_id
            order by
                case when could_undo.amount = could_undo.order_amount then 0 else 1 end asc,
                could_undo.undone_at desc,
                could_undo.undone_order_id desc
        ) as place
    from could_undo
    left join of_sales on could_undo.order_id = of_sales.order_id
    where not could_undo.is_sale and of_sales.order_id is null
),

of_no_sales as (
    select
        order_id,
        undone_order_id,
        row_number() over (
            partition by undone_order_id order by ordered_at asc, order_id asc
        ) as place
    from no_sales
    where place = 1
),

matched as (
    select * from of_sales
    union all
    select
        order_id,
        undone_order_id
    from of_no_sales
    where place = 1
)

select
    matched.order_id,
    credits.ordered_at,
    credits.amount,
    matched.undone_order_id
from matched
inner join credits on matched.order_id = credits.order_id
where {{ is_unsettled('credits.ordered_at', since) }}
