-- One row per group and month in which the feed marketing_spend says what advertising cost, up
-- to the scoring date. The feed knows no countries.
with spent as (
    select
        spend.channel,
        spend.campaign_id,
        cast(date_trunc('month', spend.spent_date) as date) as first_month,
        sum(spend.amount) as cost
    from {{ ref('fct_marketing_spend') }} as spend
    inner join {{ ref('as_of_dates') }} as dates
        on dates.is_scoring_date and spend.spent_date <= dates.as_of_date
    group by
        spend.channel,
        spend.campaign_id,
        cast(date_trunc('month', spend.spent_date) as date)
),

grouped as (
    {{ acquisition_groups(
        'spent', ['first_month', 'cost'], ['all', 'channel', 'campaign']
    ) }}
)

select
    {{ cohort_columns() }},
    cast(sum(cost) as decimal(38, 4)) as cost
from grouped
group by
    {{ cohort_columns() }}
