-- One row per channel, and for the whole shop: what a new customer is worth, and what one
-- costs today. The ten channels with most customers.
{%- set shown = ['30_days', '90_days', '365_days', 'lifetime', 'payback'] %}
{%- set months = 3 %}
with cohorts as (
    select * from {{ ref('acquisition_economics') }}
    where dimension in ('all', 'channel')
),

-- The channel's value is the same in all of its months.
valued as (
    select
        {%- for period in shown %}
        max(case when period = '{{ period }}' then channel_value end) as value_{{ period }},
        max(case when period = '{{ period }}' then channel_value_low end)
            as value_{{ period }}_low,
        max(case when period = '{{ period }}' then channel_value_high end)
            as value_{{ period }}_high,
        max(case when period = '{{ period }}' then customers_behind end)
            as customers_behind_{{ period }},
        {%- endfor %}
        dimension,
        channel
    from {{ ref('acquisition_values') }}
    where dimension in ('all', 'channel')
    group by
        dimension,
        channel
),

sizes as (
    select
        dimension,
        channel,
        cast(sum(new_customers) as bigint) as customers
    from cohorts
    group by
        dimension,
        channel
),

-- A feed of costs that ended says nothing of the months since.
last_paid as (
    select max(first_month) as last_month
    from cohorts
    where dimension = 'all' and cost <> 0
),

paid as (
    select
        cohorts.first_month,
        row_number() over (order by cohorts.first_month desc) as place
    from cohorts
    inner join last_paid on cohorts.first_month <= last_paid.last_month
    where cohorts.dimension = 'all'
),

recent as (
    select
        cohorts.dimension,
        cohorts.channel,
        min(cohorts.first_month) as cost_from_month,
        max(cohorts.first_month) as cost_to_month,
        cast(sum(cohorts.new_customers) as bigint) as recent_customers,
        sum(cohorts.cost) as recent_cost
    from cohorts
    inner join paid on cohorts.first_month = paid.first_month
    where paid.place <= {{ months }}
    group by
        cohorts.dimension,
        cohorts.channel
),

-- Where a channel gave back more than it cost there is no cost of a customer.
priced as (
    select
        sizes.dimension,
        sizes.channel,
        sizes.customers,
        recent.cost_from_month,
        recent.cost_to_month,
        recent.recent_customers,
        recent.recent_cost,
        case
            when recent.recent_cost >= 0 and recent.recent_customers > 0
                then cast(recent.recent_cost as double) / recent.recent_customers
        end as cac,
        row_number() over (
            partition by sizes.dimension
            order by sizes.customers desc, sizes.channel asc
        ) as place
    from sizes
    left join recent
        on
            sizes.dimension = recent.dimension
            and sizes.channel = recent.channel
)

select
    priced.dimension = 'all' as is_shop,
    priced.channel,
    priced.customers,
    {%- for period in shown if period != 'payback' %}
    valued.value_{{ period }},
    valued.value_{{ period }}_low,
    valued.value_{{ period }}_high,
    valued.customers_behind_{{ period }},
    {%- endfor %}
    valued.value_payback as most_to_pay,
    valued.value_payback_low as most_to_pay_low,
    valued.value_payback_high as most_to_pay_high,
    valued.customers_behind_payback as customers_behind_most_to_pay,
    cast({{ setting('target_payback_days') }} as integer) as target_payback_days,
    priced.cost_from_month,
    priced.cost_to_month,
    priced.recent_customers,
    cast(priced.recent_cost as decimal(38, 4)) as recent_cost,
    cast({{ rounded('priced.cac', 2) }} as decimal(38, 2)) as cac,
    cast(valued.value_lifetime as double) / nullif(priced.cac, 0) as ltv_to_cac
from priced
inner join valued
    on
        priced.dimension = valued.dimension
        and priced.channel = valued.channel
where priced.place <= 10
