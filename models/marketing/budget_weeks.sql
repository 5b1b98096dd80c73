-- One row per week and group of new customers that one budget brings, or none: a campaign of a
-- channel, the rest of a channel, and the customers whom no spend claims.
{%- set most_weeks = 156 %}
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- Weeks begin on Mondays; the last one is over.
spent as (
    select
        spend.channel,
        coalesce(spend.campaign_id, 'none') as campaign_id,
        cast(date_trunc('week', spend.spent_date) as date) as week_start,
        sum(spend.amount) as spend
    from {{ ref('fct_marketing_spend') }} as spend
    group by
        spend.channel,
        coalesce(spend.campaign_id, 'none'),
        cast(date_trunc('week', spend.spent_date) as date)
),

budgets as (
    select distinct
        channel,
        campaign_id
    from spent
),

first_weeks as (
    select min(week_start) as first_week
    from spent
),

came as (
    select
        acquired.customer_key,
        cast(date_trunc('week', acquired.first_order_date) as date) as week_start,
        coalesce(budgets.channel, 'none') as channel,
        coalesce(budgets.campaign_id, 'none') as campaign_id
    from {{ ref('acquired_customers') }} as acquired
    left join budgets
        on
            acquired.channel = budgets.channel
            and coalesce(acquired.campaign_id, 'none') = budgets.campaign_id
),

counted as (
    select
        channel,
        campaign_id,
        week_start,
        count(*) as new_customers
    from came
    group by
        channel,
        campaign_id,
        week_start
),

weeks as (
    select distinct counted.week_start
    from counted
    cross join first_weeks
    cross join scoring
    where
        counted.week_start >= first_weeks.first_week
        and counted.week_start >= {{ plus_days('scoring.as_of_date', -7 * most_weeks) }}
        and {{ plus_days('counted.week_start', 6) }} <= scoring.as_of_date
),

groups as (
    select
        channel,
        campaign_id
    from budgets
    union
    select
        'none' as channel,
        'none' as campaign_id
    from first_weeks
    where first_week is not null
)

select
    groups.channel,
    groups.campaign_id,
    weeks.week_start,
    cast(coalesce(spent.spend, 0) as decimal(38, 4)) as spend,
    cast(coalesce(counted.new_customers, 0) as bigint) as new_customers
from groups
cross join weeks
left join spent
    on
        groups.channel = spent.channel
        and groups.campaign_id = spent.campaign_id
        and weeks.week_start = spent.week_start
left join counted
    on
        groups.channel = counted.channel
        and groups.campaign_id = counted.campaign_id
        and weeks.week_start = counted.week_start
