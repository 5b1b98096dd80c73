-- One row per group and month of first purchase, or of spend: what its new customers cost,
-- what one of them is worth, and what one more may cost.
{%- set shown = ['30_days', '90_days', '365_days', 'lifetime'] %}
with valued as (
    select
        {{ cohort_columns() }},
        {%- for period in shown + ['payback'] %}
        max(case when period = '{{ period }}' then value end) as value_{{ period }},
        max(case when period = '{{ period }}' then value_low end) as value_{{ period }}_low,
        max(case when period = '{{ period }}' then value_high end) as value_{{ period }}_high,
        max(case when period = '{{ period }}' then customers_behind end)
            as customers_behind_{{ period }},
        max(case when period = '{{ period }}' and is_observed then customers else 0 end)
            as observed_customers_{{ period }},
        {%- endfor %}
        max(case when period = 'first_day' then observed_value end) as first_order_margin,
        max(customers) as new_customers
    from {{ ref('acquisition_values') }}
    group by {{ cohort_columns() }}
),

-- A month without a row costs nothing where the feed knows the group at all.
known as (
    select distinct
        dimension,
        channel,
        campaign_id
    from {{ ref('acquisition_costs') }}
),

costed as (
    select
        valued.*,
        case
            when known.dimension is not null then coalesce(costs.cost, 0)
        end as cost
    from valued
    left join known
        on
            valued.dimension = known.dimension
            and valued.channel = known.channel
            and valued.campaign_id = known.campaign_id
    left join {{ ref('acquisition_costs') }} as costs
        on {{ same_cohort('valued', 'costs') }}
),

-- Where a channel gave back more than it cost there is no cost of a customer.
priced as (
    select
        *,
        case
            when cost >= 0 and new_customers > 0 then cast(cost as double) / new_customers
        end as cac
    from costed
),

payback as (
    select
        {{ cohort_columns('priced') }},
        min(months.age_months) as payback_month,
        min(case when not months.is_observed then months.age_months end) as forecast_from
    from priced
    inner join {{ ref('acquisition_months') }} as months
        on
            {{ same_cohort('priced', 'months') }}
            and cast(months.cumulative_margin as double) >= priced.cac
    group by
        {{ cohort_columns('priced') }}
)

select
    {{ cohort_columns('priced') }},
    priced.new_customers,
    cast(priced.cost as decimal(38, 4)) as cost,
    cast({{ rounded('priced.cac', 2) }} as decimal(38, 2)) as cac,
    priced.first_order_margin,
    cast(payback.payback_month as integer) as payback_month,
    coalesce(payback.payback_month >= payback.forecast_from, false) as is_payback_forecast,
    {%- for period in shown %}
    priced.value_{{ period }},
    priced.value_{{ period }}_low,
    priced.value_{{ period }}_high,
    priced.observed_customers_{{ period }},
    priced.customers_behind_{{ period }},
    {%- endfor %}
    cast(priced.value_lifetime as double) / nullif(priced.cac, 0) as ltv_to_cac,
    priced.value_payback as most_to_pay,
    priced.value_payback_low as most_to_pay_low,
    priced.value_payback_high as most_to_pay_high,
    priced.customers_behind_payback as customers_behind_most_to_pay
from priced
left join payback
    on {{ same_cohort('priced', 'payback') }}
where priced.dimension = 'all' or {{ is_shown_group('priced.new_customers') }}
