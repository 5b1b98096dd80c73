-- One row per customer at the scoring date: how they order, as far as each single order
-- says it. Weekday and hour are those of the shop's clock.
{%- set fewest = 3 %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

orders as (
    select
        fct_orders.customer_key,
        fct_orders.sold_amount,
        fct_orders.returned_amount + fct_orders.refunded_amount as returned_amount,
        fct_orders.all_discounts_amount,
        fct_orders.items,
        fct_orders.order_number is not null as is_counted,
        {{ days_between("date '1900-01-01'", 'fct_orders.ordered_date') }} % 7 + 1 as weekday,
        extract(hour from {{ shop_clock('fct_orders.ordered_at') }}) as order_hour
    from {{ ref('fct_orders') }} as fct_orders
    inner join scoring on fct_orders.ordered_date <= scoring.as_of_date
    where fct_orders.customer_key is not null and fct_orders.is_sale
),

sums as (
    select
        customer_key,
        count(case when is_counted then 1 end) as orders,
        sum(items) as items,
        cast(sum(sold_amount) as double) as sold_amount,
        cast(sum(returned_amount) as double) as returned_amount,
        cast(sum(all_discounts_amount) as double) as discounts_amount
    from orders
    group by customer_key
),

weekdays as (
    select
        customer_key,
        weekday,
        count(*) as orders
    from orders
    where is_counted
    group by customer_key, weekday
),

hours as (
    select
        customer_key,
        order_hour,
        count(*) as orders
    from orders
    where is_counted
    group by customer_key, order_hour
),

-- Of weekdays with as many orders the first in the week is the usual one, of hours the
-- first in the day.
usual_weekdays as (
    select
        customer_key,
        max_by(weekday, 8 * orders - weekday) as usual_weekday
    from weekdays
    group by customer_key
),

usual_hours as (
    select
        customer_key,
        max_by(order_hour, 24 * orders - order_hour) as usual_hour
    from hours
    group by customer_key
),

-- A shop whose orders are all at midnight says days and no times.
clock as (
    select max(order_hour) > 0 as has_hours from hours
)

select
    sums.customer_key,
    cast(sums.orders as integer) as orders,
    sums.sold_amount / nullif(sums.orders, 0) as average_order_value,
    cast(sums.items as double) / nullif(sums.orders, 0) as items_per_order,
    coalesce(
        sums.discounts_amount / nullif(sums.sold_amount + sums.discounts_amount, 0), 0e0
    ) as discount_share,
    coalesce(sums.returned_amount / nullif(sums.sold_amount, 0), 0e0) as return_share,
    case
        when sums.orders >= {{ fewest }} then cast(usual_weekdays.usual_weekday as integer)
    end as usual_weekday,
    case
        when sums.orders >= {{ fewest }} and clock.has_hours
            then cast(usual_hours.usual_hour as integer)
    end as usual_hour
from sums
cross join clock
left join usual_weekdays on sums.customer_key = usual_weekdays.customer_key
left join usual_hours on sums.customer_key = usual_hours.customer_key
