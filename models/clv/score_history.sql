-- One row per customer, as-of date and horizon: what was predicted, and when. A run gives
-- what differs from what was said of that day before. Only the newest day can still be
-- said anew: a run for an earlier date does not change what was really said then, and
-- neither does a run that comes so late that it would be a replay.
{%- set now = "cast('" ~ run_started_at.strftime("%Y-%m-%d %H:%M:%S") ~ "' as timestamp)" %}
with predictions as (
    select * from {{ ref('clv_predictions') }}
),

earlier as (
    select * from {{ left_by_earlier_runs('score_history') }} as remembered
),

newest as (
    select max(as_of_date) as as_of_date from earlier
),

today as (
    select
        max(as_of_date) as as_of_date,
        count(distinct customer_key) as customers
    from predictions
),

said_before as (
    select earlier.*
    from earlier
    inner join today on earlier.as_of_date = today.as_of_date
),

-- Of a large shop a fixed sample of customers.
sampled as (
    select predictions.*
    from predictions
    inner join {{ ref('stg_sample_points') }} as points
        on predictions.customer_key = points.customer_key
    cross join today
    cross join newest
    where
        points.sample_point * today.customers < {{ setting('score_history_customers') }}
        and (newest.as_of_date is null or today.as_of_date >= newest.as_of_date)
),

said as (
    select
        sampled.customer_key,
        sampled.as_of_date,
        sampled.horizon_days,
        sampled.predicted_spend,
        sampled.chance_of_buying,
        sampled.spend_p10,
        sampled.spend_p50,
        sampled.spend_p90,
        sampled.scored_by,
        sampled.network_version,
        {{ now }} as said_at
    from sampled
    left join said_before
        on
            sampled.customer_key = said_before.customer_key
            and sampled.horizon_days = said_before.horizon_days
    where
        said_before.customer_key is null
        or (
            (
                sampled.predicted_spend != said_before.predicted_spend
                or coalesce(sampled.network_version, 'prior')
                != coalesce(said_before.network_version, 'prior')
            )
            and (
                not {{ is_replay(now, 'sampled.as_of_date') }}
                or {{ is_replay('said_before.said_at', 'said_before.as_of_date') }}
            )
        )
)

select * from said
