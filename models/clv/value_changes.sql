-- One row per customer: what is expected of them now beside what was expected about a
-- month before, within the longest horizon that both forecasts have.
with history as (
    select * from {{ ref('score_history') }}
),

newest as (
    select max(as_of_date) as as_of_date from history
),

-- The last forecast that is at least 30 days older, and at most 60.
before as (
    select
        newest.as_of_date,
        max(history.as_of_date) as earlier_date
    from newest
    inner join history
        on
            {{ days_between('history.as_of_date', 'newest.as_of_date') }} >= 30
            and {{ days_between('history.as_of_date', 'newest.as_of_date') }} <= 60
    group by newest.as_of_date
),

pairs as (
    select
        now_said.customer_key,
        now_said.horizon_days,
        now_said.as_of_date,
        then_said.as_of_date as earlier_date,
        now_said.predicted_spend,
        then_said.predicted_spend as earlier_spend,
        now_said.chance_of_buying,
        then_said.chance_of_buying as earlier_chance,
        coalesce(now_said.network_version, 'prior')
        = coalesce(then_said.network_version, 'prior') as is_same_model,
        max(now_said.horizon_days) over () as longest_horizon_days
    from before
    inner join history as now_said on before.as_of_date = now_said.as_of_date
    inner join history as then_said
        on
            before.earlier_date = then_said.as_of_date
            and now_said.customer_key = then_said.customer_key
            and now_said.horizon_days = then_said.horizon_days
)

select
    customer_key,
    cast(horizon_days as integer) as horizon_days,
    as_of_date,
    earlier_date,
    predicted_spend,
    earlier_spend,
    cast(predicted_spend - earlier_spend as decimal(38, 2)) as change,
    chance_of_buying,
    earlier_chance,
    is_same_model
from pairs
where horizon_days = longest_horizon_days
