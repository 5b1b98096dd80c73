-- What the shop's cohorts brought in observed months of age is the margin of what their
-- customers spent by then, and each dimension brought the same as the whole shop.
{{ config(enabled=setting('smallest_group') == 1) }}
with observed as (
    select
        dimension,
        first_month,
        max(age_days) as age_days,
        sum(margin_amount) as margin_amount
    from {{ ref('acquisition_months') }}
    where is_observed
    group by
        dimension,
        first_month
),

ages as (
    select
        dimension,
        first_month,
        max(age_days) as age_days
    from observed
    group by
        dimension,
        first_month
),

spent as (
    select
        ages.dimension,
        ages.first_month,
        sum(days.net_amount) as spend
    from ages
    inner join {{ ref('acquired_customers') }} as acquired
        on ages.first_month = acquired.first_month
    inner join {{ ref('customer_days') }} as days
        on
            acquired.customer_key = days.customer_key
            and days.activity_date
            <= {{ plus_days('acquired.first_order_date', 'ages.age_days') }}
    group by
        ages.dimension,
        ages.first_month
)

select
    observed.dimension,
    observed.first_month,
    observed.margin_amount,
    cast(spent.spend as double) * margins.margin as expected
from observed
inner join spent
    on
        observed.dimension = spent.dimension
        and observed.first_month = spent.first_month
cross join {{ ref('shop_margin') }} as margins
where
    abs(cast(observed.margin_amount as double) - cast(spent.spend as double) * margins.margin)
    > 5
