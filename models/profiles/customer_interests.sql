-- One row per customer, kind and place: the three categories and the three products that
-- set the customer apart, because they buy them more often than the shop's customers do.
{%- set most = 3 %}
with counted as (
    select
        customer_key,
        'product' as kind,
        product_id as name,
        times,
        last_bought_date
    from {{ ref('bought_products') }}
    union all
    select
        customer_key,
        'category' as kind,
        category as name,
        times,
        last_bought_date
    from {{ ref('bought_categories') }}
),

customers as (
    select
        customer_key,
        kind,
        sum(times) as times
    from counted
    group by customer_key, kind
),

names as (
    select
        kind,
        name,
        cast(sum(times) as double) as times
    from counted
    group by kind, name
),

shop as (
    select
        kind,
        cast(sum(times) as double) as times
    from names
    group by kind
),

shares as (
    select
        names.kind,
        names.name,
        names.times / shop.times as share_of_shop
    from names
    inner join shop on names.kind = shop.kind
),

-- One purchase that is both made and expected is added to what was bought and to what a
-- customer with as many purchases would have bought: so a rare product bought once is no
-- passion.
lifted as (
    select
        counted.*,
        (counted.times + 1)
        / (customers.times * shares.share_of_shop + 1) as lift
    from counted
    inner join customers
        on
            counted.customer_key = customers.customer_key
            and counted.kind = customers.kind
    inner join shares
        on
            counted.kind = shares.kind
            and counted.name = shares.name
),

placed as (
    select
        *,
        row_number() over (
            partition by customer_key, kind
            order by lift desc, last_bought_date desc, name asc
        ) as place
    from lifted
    where lift >= 1
)

select
    placed.customer_key,
    placed.kind,
    cast(placed.place as integer) as place,
    placed.name,
    case when placed.kind = 'product' then names.product_name else placed.name end as label,
    placed.times,
    placed.last_bought_date,
    placed.lift
from placed
left join {{ ref('dim_products') }} as names
    on placed.kind = 'product' and placed.name = names.product_id
where placed.place <= {{ most }}
