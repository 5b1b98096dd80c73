-- One row per cohort (a group's new customers of a month) and month of age, 0 to 24: how many
-- they are, and what they spent in that month of age.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

acquired as (
    select * from {{ ref('acquired_customers') }}
),

cohorts as (
    select
        channel,
        campaign_id,
        country,
        first_month,
        count(*) as customers
    from acquired
    group by
        channel,
        campaign_id,
        country,
        first_month
),

-- What came back before the first order counts on its day.
aged as (
    select
        acquired.channel,
        acquired.campaign_id,
        acquired.country,
        acquired.first_month,
        days.net_amount,
        {{ days_between('acquired.first_order_date', 'days.activity_date') }} as days_after
    from acquired
    inner join {{ ref('customer_days') }} as days
        on acquired.customer_key = days.customer_key
    inner join scoring on days.activity_date <= scoring.as_of_date
),

spent as (
    select
        channel,
        campaign_id,
        country,
        first_month,
        {{ age_of_day('days_after') }} as age_months,
        sum(net_amount) as spend
    from aged
    group by
        channel,
        campaign_id,
        country,
        first_month,
        {{ age_of_day('days_after') }}
),

grouped_cohorts as (
    {{ acquisition_groups('cohorts', ['first_month', 'customers']) }}
),

grouped_spend as (
    {{ acquisition_groups('spent', ['first_month', 'age_months', 'spend']) }}
),

ages as (
    {%- for age in acquisition_ages() %}
    select {{ age }} as age_months
    {{- " union all" if not loop.last }}
    {%- endfor %}
),

summed_cohorts as (
    select
        {{ cohort_columns() }},
        sum(customers) as customers
    from grouped_cohorts
    group by
        {{ cohort_columns() }}
),

summed_spend as (
    select
        {{ cohort_columns() }},
        age_months,
        sum(spend) as spend
    from grouped_spend
    group by
        {{ cohort_columns() }},
        age_months
)

select
    {{ cohort_columns('summed_cohorts') }},
    cast(ages.age_months as integer) as age_months,
    {{ age_end('ages.age_months') }} as age_days,
    {{ last_first_day('summed_cohorts.first_month', 'scoring.as_of_date') }} as last_first_day,
    {{ plus_days(
        last_first_day('summed_cohorts.first_month', 'scoring.as_of_date'),
        age_end('ages.age_months')
    ) }} <= scoring.as_of_date as is_observed,
    cast(summed_cohorts.customers as bigint) as customers,
    cast(coalesce(summed_spend.spend, 0) as decimal(38, 4)) as spend
from summed_cohorts
cross join ages
cross join scoring
left join summed_spend
    on
        {{ same_cohort('summed_cohorts', 'summed_spend') }}
        and ages.age_months = summed_spend.age_months
