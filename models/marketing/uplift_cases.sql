-- One row per experiment and customer whose days are over: the arm that chance gave, what
-- was known of the customer before, and the margin of what they bought in the days that
-- count.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- A message's cost is a cost of its offer, which the plan takes off.
assigned as (
    select
        outcomes.experiment_id,
        outcomes.customer_key,
        outcomes.arm,
        outcomes.is_control,
        assignments.share,
        outcomes.assigned_date,
        outcomes.days,
        cast(outcomes.margin + outcomes.message_cost as double) as margin
    from {{ ref('experiment_outcomes') }} as outcomes
    inner join {{ ref('experiment_assignments') }} as assignments
        on
            outcomes.experiment_id = assignments.experiment_id
            and outcomes.customer_key = assignments.customer_key
    inner join {{ ref('experiments') }} as experiments
        on outcomes.experiment_id = experiments.experiment_id
    cross join scoring
    where
        not experiments.is_hold_out
        and coalesce(assignments.ended_date <= scoring.as_of_date, true)
),

assigned_dates as (
    select distinct assigned_date from assigned
),

-- The newest day before as of which there are features.
known_dates as (
    select
        assigned_dates.assigned_date,
        max(dates.as_of_date) as as_of_date
    from assigned_dates
    inner join {{ ref('as_of_dates') }} as dates
        on assigned_dates.assigned_date > dates.as_of_date
    group by assigned_dates.assigned_date
),

forecasts as (
    select
        assigned.experiment_id,
        assigned.customer_key,
        history.predicted_spend,
        row_number() over (
            partition by assigned.experiment_id, assigned.customer_key
            order by history.as_of_date desc
        ) as place
    from assigned
    inner join {{ ref('score_history') }} as history
        on
            assigned.customer_key = history.customer_key
            and assigned.assigned_date > history.as_of_date
    where
        history.horizon_days = {{ setting('horizons') | min }}
        and not {{ is_replay('history.said_at', 'history.as_of_date') }}
)

select
    assigned.experiment_id,
    assigned.arm,
    assigned.is_control,
    assigned.share,
    {{ segment(
        'features.first_purchase_date',
        'features.last_purchase_date',
        'features.frequency',
        'known_dates.as_of_date',
    ) }} as segment,
    cast(forecasts.predicted_spend as double) as forecast_spend,
    assigned.margin,
    assigned.days,
    features.*
from assigned
inner join known_dates on assigned.assigned_date = known_dates.assigned_date
inner join {{ ref('customer_features') }} as features
    on
        assigned.customer_key = features.customer_key
        and known_dates.as_of_date = features.as_of_date
left join forecasts
    on
        assigned.experiment_id = forecasts.experiment_id
        and assigned.customer_key = forecasts.customer_key
        and forecasts.place = 1
