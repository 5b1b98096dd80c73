-- One row per experiment and customer whose first day is over: what was known of the
-- customer before it, and what came of the days that count.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

assigned as (
    select
        assignments.experiment_id,
        assignments.customer_key,
        assignments.arm,
        assignments.is_control,
        assignments.assigned_date,
        scoring.as_of_date,
        least(coalesce(assignments.ended_date, scoring.as_of_date), scoring.as_of_date)
            as last_date
    from {{ ref('experiment_assignments') }} as assignments
    cross join scoring
    where
        assignments.assigned_date <= scoring.as_of_date
        and coalesce(assignments.assigned_date <= assignments.ended_date, true)
),

days as (
    select
        assigned.experiment_id,
        assigned.customer_key,
        customer_days.activity_date,
        customer_days.orders,
        customer_days.purchase_amount,
        customer_days.net_amount,
        customer_days.is_purchase,
        customer_days.activity_date < assigned.assigned_date as is_before,
        customer_days.activity_date < assigned.assigned_date
        and customer_days.activity_date
        >= {{ plus_days('assigned.assigned_date', -365) }} as is_past_year,
        customer_days.activity_date >= assigned.assigned_date
        and customer_days.activity_date <= assigned.last_date as is_within,
        customer_days.activity_date > assigned.last_date as is_later
    from assigned
    inner join {{ ref('customer_days') }} as customer_days
        on
            assigned.customer_key = customer_days.customer_key
            and assigned.as_of_date >= customer_days.activity_date
),

bought as (
    select
        experiment_id,
        customer_key,
        max(case when is_before and is_purchase then 1 else 0 end) = 1 as has_history,
        sum(case when is_past_year then net_amount else 0 end) as past_spend,
        sum(case when is_within then orders else 0 end) as orders,
        sum(case when is_within then purchase_amount else 0 end) as bought_amount,
        sum(case when is_within then net_amount else 0 end) as spend,
        sum(case when is_later then net_amount else 0 end) as later_spend
    from days
    group by experiment_id, customer_key
),

costs as (
    select
        assigned.experiment_id,
        assigned.customer_key,
        sum(case when costs.ordered_date <= assigned.last_date then costs.known_spend else 0 end)
            as known_spend,
        sum(case when costs.ordered_date <= assigned.last_date then costs.known_cost else 0 end)
            as known_cost,
        sum(case when costs.ordered_date > assigned.last_date then costs.known_spend else 0 end)
            as later_known_spend,
        sum(case when costs.ordered_date > assigned.last_date then costs.known_cost else 0 end)
            as later_known_cost
    from assigned
    inner join {{ ref('customer_day_costs') }} as costs
        on
            assigned.customer_key = costs.customer_key
            and assigned.assigned_date <= costs.ordered_date
            and assigned.as_of_date >= costs.ordered_date
    group by assigned.experiment_id, assigned.customer_key
),

messages as (
    select
        assigned.experiment_id,
        assigned.customer_key,
        count(*) as messages,
        sum(coalesce(sends.cost, 0)) as message_cost
    from assigned
    inner join {{ ref('fct_campaign_sends') }} as sends
        on
            assigned.customer_key = sends.customer_key
            and assigned.assigned_date <= sends.sent_date
            and assigned.last_date >= sends.sent_date
    group by assigned.experiment_id, assigned.customer_key
),

-- The newest forecast that was made in time, of the horizon that is nearest to the days
-- that count.
forecasts as (
    select
        assigned.experiment_id,
        assigned.customer_key,
        history.predicted_spend,
        row_number() over (
            partition by assigned.experiment_id, assigned.customer_key
            order by
                history.as_of_date desc,
                abs(
                    history.horizon_days - 1
                    - {{ days_between('assigned.assigned_date', 'assigned.last_date') }}
                ) asc,
                history.horizon_days asc
        ) as place
    from assigned
    inner join {{ ref('score_history') }} as history
        on
            assigned.customer_key = history.customer_key
            and assigned.assigned_date > history.as_of_date
    where not {{ is_replay('history.said_at', 'history.as_of_date') }}
),

joined as (
    select
        assigned.*,
        cast({{ days_between('assigned.assigned_date', 'assigned.last_date') }} + 1 as integer)
            as days,
        customers.country,
        customers.acquisition_channel,
        coalesce(bought.has_history, false) as has_history,
        coalesce(bought.past_spend, 0) as past_spend,
        forecasts.predicted_spend as forecast_spend,
        coalesce(bought.orders, 0) as orders,
        coalesce(bought.bought_amount, 0) as bought_amount,
        coalesce(bought.spend, 0) as spend,
        coalesce(messages.messages, 0) as messages,
        coalesce(messages.message_cost, 0) as message_cost,
        cast(
            coalesce(costs.known_spend, 0) - coalesce(costs.known_cost, 0) as double
        )
        + shop_margin.assumed_margin
        * cast(coalesce(bought.spend, 0) - coalesce(costs.known_spend, 0) as double)
        - cast(coalesce(messages.message_cost, 0) as double) as margin,
        cast(
            coalesce(costs.later_known_spend, 0) - coalesce(costs.later_known_cost, 0) as double
        )
        + shop_margin.assumed_margin
        * cast(coalesce(bought.later_spend, 0) - coalesce(costs.later_known_spend, 0) as double)
        + coalesce(cast(lifetime_values.lifetime_value as double), 0e0) as later_value
    from assigned
    cross join {{ ref('shop_margin') }} as shop_margin
    left join {{ ref('dim_customers') }} as customers
        on assigned.customer_key = customers.customer_key
    left join bought
        on
            assigned.experiment_id = bought.experiment_id
            and assigned.customer_key = bought.customer_key
    left join costs
        on
            assigned.experiment_id = costs.experiment_id
            and assigned.customer_key = costs.customer_key
    left join messages
        on
            assigned.experiment_id = messages.experiment_id
            and assigned.customer_key = messages.customer_key
    left join forecasts
        on
            assigned.experiment_id = forecasts.experiment_id
            and assigned.customer_key = forecasts.customer_key
            and forecasts.place = 1
    left join {{ ref('customer_lifetime_value') }} as lifetime_values
        on assigned.customer_key = lifetime_values.customer_key
)

select
    experiment_id,
    customer_key,
    arm,
    is_control,
    assigned_date,
    last_date,
    days,
    country,
    acquisition_channel,
    has_history,
    cast(past_spend as decimal(38, 2)) as past_spend,
    cast(forecast_spend as decimal(38, 2)) as forecast_spend,
    case
        when forecast_spend is not null then 'forecast'
        when has_history then 'past spend'
        else 'none'
    end as covariate,
    cast(orders as integer) as orders,
    cast(bought_amount as decimal(38, 2)) as bought_amount,
    cast(bought_amount - spend as decimal(38, 2)) as returned_amount,
    cast(spend as decimal(38, 2)) as spend,
    cast(messages as integer) as messages,
    cast(message_cost as decimal(38, 4)) as message_cost,
    cast({{ rounded('margin', 2) }} as decimal(38, 2)) as margin,
    cast({{ rounded('later_value', 2) }} as decimal(38, 2)) as later_value
from joined
