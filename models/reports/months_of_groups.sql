-- One row per month, segment, country and channel: the spend that is expected of the
-- customers. What is expected between two horizons is spread over the days between them
-- by the season: a day of a month that brings twice as much gets twice as much.
{%- set groups = 'segment, country, acquisition_channel' %}
with expected_of_groups as (
    select * from {{ ref('expected_of_groups') }}
),

season as (
    select * from {{ ref('season') }}
),

steps as (
    select distinct
        horizon_days,
        first_date,
        last_date
    from expected_of_groups
),

step_days as (
    select
        horizon_days,
        {{ each_day('first_date', 'last_date') }} as day
    from steps
),

step_months as (
    select
        step_days.horizon_days,
        cast(date_trunc('month', step_days.day) as date) as month,
        count(*) as days,
        count(*) * max(season.spend_effect) as weight
    from step_days
    inner join season on extract(month from step_days.day) = season.month
    group by
        step_days.horizon_days, cast(date_trunc('month', step_days.day) as date)
),

shares as (
    select
        horizon_days,
        month,
        days,
        month = max(month) over (partition by horizon_days) as is_last,
        sum(weight) over (
            partition by horizon_days order by month
            rows between unbounded preceding and current row
        ) / sum(weight) over (
            partition by horizon_days order by month
            rows between unbounded preceding and unbounded following
        ) as share_so_far
    from step_months
),

-- The cents of each part are those of the sum so far less those of the sum before it, so
-- the parts of a step add up to it.
sums_so_far as (
    select
        shares.month,
        expected_of_groups.segment,
        expected_of_groups.country,
        expected_of_groups.acquisition_channel,
        expected_of_groups.customers,
        shares.horizon_days,
        shares.days,
        case
            when shares.is_last then expected_of_groups.step_spend
            else
                cast(
                    {{ rounded(
                        'cast(expected_of_groups.step_spend as double) * shares.share_so_far',
                        2,
                    ) }} as decimal(38, 2)
                )
        end as spend_so_far
    from shares
    inner join expected_of_groups
        on shares.horizon_days = expected_of_groups.horizon_days
),

parts as (
    select
        *,
        spend_so_far - coalesce(
            lag(spend_so_far) over (
                partition by horizon_days, {{ groups }} order by month
            ),
            0
        ) as expected_spend
    from sums_so_far
),

months_of_groups as (
    select
        month,
        segment,
        country,
        acquisition_channel,
        max(customers) as customers,
        cast(sum(days) as integer) as days,
        cast(sum(expected_spend) as decimal(38, 2)) as expected_spend
    from parts
    group by month, {{ groups }}
)

select * from months_of_groups
