-- One row per as-of date and horizon of which builds forecast: what was said and, once
-- the horizon is over, what came. Apart from the backtest: these forecasts were really
-- made. A replay is shown, and never judged.
with history as (
    select * from {{ ref('score_history') }}
),

days as (
    select * from {{ ref('customer_days') }}
),

scoring as (
    select max(as_of_date) as scoring_date from {{ ref('clv_predictions') }}
),

-- Those who are still known: whoever was erased leaves both sides.
known as (
    select distinct customer_key from days
),

said as (
    select
        history.customer_key,
        history.as_of_date,
        history.horizon_days,
        history.predicted_spend,
        history.chance_of_buying,
        history.spend_p10,
        history.spend_p50,
        history.spend_p90,
        history.said_at,
        {{ is_replay('history.said_at', 'history.as_of_date') }} as is_replay,
        {{ plus_days('history.as_of_date', 'history.horizon_days') }} as due_date
    from history
    inner join known on history.customer_key = known.customer_key
),

due as (
    select said.*
    from said
    cross join scoring
    where not said.is_replay and said.due_date <= scoring.scoring_date
),

-- Spent within the horizon, as customer_targets counts it.
came as (
    select
        due.customer_key,
        due.as_of_date,
        due.horizon_days,
        sum(days.net_amount) as spend
    from due
    inner join days
        on
            due.customer_key = days.customer_key
            and due.as_of_date < days.activity_date
            and due.due_date >= days.activity_date
    group by due.customer_key, due.as_of_date, due.horizon_days
),

judged as (
    select
        due.as_of_date,
        due.horizon_days,
        due.customer_key,
        cast(due.predicted_spend as double) as predicted_spend,
        cast(due.spend_p10 as double) as spend_p10,
        greatest(cast(0.1 as double), 1 - due.chance_of_buying) as stated_p10,
        cast(due.spend_p50 as double) as spend_p50,
        greatest(cast(0.5 as double), 1 - due.chance_of_buying) as stated_p50,
        cast(due.spend_p90 as double) as spend_p90,
        greatest(cast(0.9 as double), 1 - due.chance_of_buying) as stated_p90,
        cast(greatest(coalesce(came.spend, 0), 0) as double) as actual_spend
    from due
    left join came
        on
            due.customer_key = came.customer_key
            and due.as_of_date = came.as_of_date
            and due.horizon_days = came.horizon_days
),

-- As in backtest_metrics, which says what a Gini is.
ranks as (
    select
        *,
        rank() over (
            partition by as_of_date, horizon_days order by predicted_spend
        ) - rank() over (
            partition by as_of_date, horizon_days order by predicted_spend desc
        ) as predicted_rank,
        rank() over (
            partition by as_of_date, horizon_days order by actual_spend
        ) - rank() over (
            partition by as_of_date, horizon_days order by actual_spend desc
        ) as actual_rank
    from judged
),

measured as (
    select
        as_of_date,
        horizon_days,
        {{ steady_sum('actual_spend', 'customer_key') }} as actual_spend,
        {{ steady_sum('actual_spend * predicted_rank', 'customer_key') }}
        / nullif({{ steady_sum('actual_spend * actual_rank', 'customer_key') }}, 0)
            as normalised_gini,
        cast(avg(case when actual_spend <= spend_p10 then 1 else 0 end) as double)
        - {{ steady_mean('stated_p10', 'customer_key') }} as coverage_error_p10,
        cast(avg(case when actual_spend <= spend_p50 then 1 else 0 end) as double)
        - {{ steady_mean('stated_p50', 'customer_key') }} as coverage_error_p50,
        cast(avg(case when actual_spend <= spend_p90 then 1 else 0 end) as double)
        - {{ steady_mean('stated_p90', 'customer_key') }} as coverage_error_p90
    from ranks
    group by as_of_date, horizon_days
),

totals as (
    select
        as_of_date,
        horizon_days,
        is_replay,
        due_date,
        count(*) as customers,
        min(said_at) as said_at,
        sum(predicted_spend) as said_spend
    from said
    group by as_of_date, horizon_days, is_replay, due_date
),

said_and_came as (
    select
        totals.as_of_date,
        cast(totals.horizon_days as integer) as horizon_days,
        totals.is_replay,
        totals.said_at,
        totals.due_date,
        cast(totals.customers as bigint) as customers,
        cast(totals.said_spend as decimal(38, 2)) as said_spend,
        cast({{ rounded('measured.actual_spend', 2) }} as decimal(38, 2)) as actual_spend,
        cast(totals.said_spend as double) / nullif(measured.actual_spend, 0) - 1
            as total_bias,
        measured.normalised_gini,
        measured.coverage_error_p10,
        measured.coverage_error_p50,
        measured.coverage_error_p90
    from totals
    left join measured
        on
            not totals.is_replay
            and totals.as_of_date = measured.as_of_date
            and totals.horizon_days = measured.horizon_days
)

select * from said_and_came
