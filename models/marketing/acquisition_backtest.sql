-- One row per channel, or the whole shop, month of first purchase and period: what was to be
-- said of the cohort once all its customers were 30 days old, and what it then brought.
{%- set alike = 20 %}
with cells as (
    select
        *,
        {{ plus_days('last_first_day', 30) }} as said_on,
        {{ plus_days('last_first_day', 'age_days') }} as observed_from
    from {{ ref('acquisition_cells') }}
    where dimension in ('all', 'channel') and is_observed
),

periods as (
    select 3 as age_months, '90_days' as period
    union all
    select 12 as age_months, '365_days' as period
),

-- Cohorts that are old enough to be judged, and the day on which something was said.
judged as (
    select
        cells.dimension,
        cells.channel,
        cells.first_month,
        cells.said_on,
        cells.customers,
        periods.period,
        periods.age_months as last_age
    from cells
    inner join periods on cells.age_months = periods.age_months
),

brought as (
    select
        judged.dimension,
        judged.channel,
        judged.first_month,
        judged.period,
        sum(case when cells.age_months <= 1 then cells.spend else 0 end) as spend_by_then,
        sum(cells.spend) as spend
    from judged
    inner join cells
        on
            judged.dimension = cells.dimension
            and judged.channel = cells.channel
            and judged.first_month = cells.first_month
            and judged.last_age >= cells.age_months
    group by
        judged.dimension,
        judged.channel,
        judged.first_month,
        judged.period
),

days as (
    select distinct
        first_month,
        said_on
    from judged
),

-- What was observed of each month of age on such a day.
known as (
    select
        days.said_on,
        cells.dimension,
        cells.channel,
        cells.age_months,
        cast(sum(cells.customers) as double) as customers,
        cast(sum(cells.spend) as double) as spend
    from days
    inner join cells on days.said_on >= cells.observed_from
    where cells.age_months between 2 and 12
    group by
        days.said_on,
        cells.dimension,
        cells.channel,
        cells.age_months
),

shop as (
    select
        said_on,
        age_months,
        spend / customers as shop_spend
    from known
    where dimension = 'all' and customers >= {{ alike }}
),

ages as (
    {%- for age in range(2, 13) %}
    select {{ age }} as age_months
    {{- " union all" if not loop.last }}
    {%- endfor %}
),

expected as (
    select
        judged.dimension,
        judged.channel,
        judged.first_month,
        judged.period,
        count(shop.age_months) as known_ages,
        max(judged.last_age) - 1 as needed_ages,
        min(coalesce(known.customers, 0)) as customers_behind,
        {{ steady_sum(
            '(coalesce(known.spend, 0) + ' ~ alike ~ ' * shop.shop_spend)'
            ~ ' / (coalesce(known.customers, 0) + ' ~ alike ~ ')',
            'ages.age_months'
        ) }} as spend_to_come,
        {{ steady_sum('shop.shop_spend', 'ages.age_months') }} as shop_spend_to_come
    from judged
    inner join ages on judged.last_age >= ages.age_months
    left join shop on judged.said_on = shop.said_on and ages.age_months = shop.age_months
    left join known
        on
            judged.said_on = known.said_on
            and judged.dimension = known.dimension
            and judged.channel = known.channel
            and ages.age_months = known.age_months
    group by
        judged.dimension,
        judged.channel,
        judged.first_month,
        judged.period
),

said as (
    select
        judged.*,
        expected.customers_behind,
        cast(brought.spend as double) * margins.margin / judged.customers as actual_value,
        (
            cast(brought.spend_by_then as double) / judged.customers + expected.spend_to_come
        ) * margins.margin as expected_value,
        (
            cast(brought.spend_by_then as double) / judged.customers
            + expected.shop_spend_to_come
        ) * margins.margin as shop_value
    from judged
    inner join brought
        on
            judged.dimension = brought.dimension
            and judged.channel = brought.channel
            and judged.first_month = brought.first_month
            and judged.period = brought.period
    inner join expected
        on
            judged.dimension = expected.dimension
            and judged.channel = expected.channel
            and judged.first_month = expected.first_month
            and judged.period = expected.period
            and expected.known_ages = expected.needed_ages
    cross join {{ ref('shop_margin') }} as margins
)

select
    dimension,
    channel,
    first_month,
    period,
    said_on,
    customers,
    cast(customers_behind as bigint) as customers_behind,
    cast({{ rounded('expected_value', 2) }} as decimal(38, 2)) as expected_value,
    cast({{ rounded('shop_value', 2) }} as decimal(38, 2)) as expected_by_shop,
    cast({{ rounded('actual_value', 2) }} as decimal(38, 2)) as actual_value
from said
where dimension = 'all' or {{ is_shown_group('customers') }}
