-- One row per channel, and for the whole shop, and month of age: the margin that one more
-- customer has brought by then.
{%- set alike = 20 %}
with cells as (
    select * from {{ ref('acquisition_cells') }}
    where dimension in ('all', 'channel')
),

observed as (
    select
        dimension,
        channel,
        age_months,
        age_days,
        sum(case when is_observed then customers else 0 end) as customers,
        sum(case when is_observed then spend else 0 end) as spend
    from cells
    group by
        dimension,
        channel,
        age_months,
        age_days
),

shop as (
    select
        age_months,
        customers as shop_customers,
        cast(spend as double) / customers as shop_spend
    from observed
    where dimension = 'all' and customers >= {{ alike }}
),

-- A channel's spend of a month of age is drawn to the shop's, which counts like 20 customers.
drawn as (
    select
        observed.dimension,
        observed.channel,
        observed.age_months,
        observed.age_days,
        observed.customers,
        (cast(observed.spend as double) + {{ alike }} * shop.shop_spend)
        / (observed.customers + {{ alike }}) as spend
    from observed
    inner join shop on observed.age_months = shop.age_months
),

added_up as (
    select
        drawn.*,
        drawn.spend * margins.margin as margin,
        sum(drawn.spend * margins.margin) over (
            partition by drawn.dimension, drawn.channel
            order by drawn.age_months
            rows between unbounded preceding and current row
        ) as value
    from drawn
    cross join {{ ref('shop_margin') }} as margins
)

select
    dimension,
    channel,
    cast(age_months as integer) as age_months,
    cast(age_days as integer) as age_days,
    cast(customers as bigint) as customers,
    cast({{ rounded('margin', 4) }} as decimal(38, 4)) as margin,
    cast({{ rounded('value', 4) }} as decimal(38, 4)) as value
from added_up
