-- One row per customer and direction: the smallest change of behaviour that would move the
-- customer to a better tenth by value, or to a worse one, or why none would.
with scores as (
    select * from {{ ref('counterfactual_scores') }}
),

predictions as (
    select
        customer_key,
        scenario,
        as_of_date,
        horizon_days,
        is_longest_horizon,
        cast({{ rounded('predicted_spend', 2) }} as decimal(38, 2)) as predicted_spend,
        cast({{ rounded('prior_spend', 2) }} as decimal(38, 2)) as prior_spend,
        chance_of_buying,
        scored_by,
        network_version
    from scores
    where not is_extrapolated
),

otherwise as (
    {{ lifetime_values('predictions', 'scores', ref('shop_margin'), 'scenario') }}
),

customers as (
    select * from {{ ref('customer_lifetime_value') }}
),

longest as (
    select max(horizon_days) as horizon_days from predictions
),

-- The limits of today: whoever is worth as much as the last of a tenth is in it.
tenths as (
    select
        value_decile,
        min(lifetime_value) as least_value
    from customers
    group by value_decile
),

last_tenth as (
    select max(value_decile) as value_decile from tenths
),

valued as (
    select
        histories.*,
        scenarios.place,
        scenarios.direction,
        replace(scenarios.wording, '{amount}', {{ money_text('histories.amount') }}) as wording,
        customers.value_decile,
        customers.lifetime_value,
        otherwise.predicted_spend as other_spend,
        cast(otherwise.horizon_value + otherwise.tail_value as decimal(38, 2)) as other_value
    from {{ ref('counterfactual_histories') }} as histories
    inner join {{ ref('scenarios') }} as scenarios on histories.scenario = scenarios.scenario
    inner join otherwise
        on
            histories.customer_key = otherwise.customer_key
            and histories.scenario = otherwise.scenario
    inner join customers on histories.customer_key = customers.customer_key
),

placed as (
    select
        valued.customer_key,
        valued.scenario,
        min(tenths.value_decile) as other_decile
    from valued
    inner join tenths on valued.other_value >= tenths.least_value
    group by valued.customer_key, valued.scenario
),

tried as (
    select
        valued.*,
        coalesce(placed.other_decile, last_tenth.value_decile) as other_decile
    from valued
    cross join last_tenth
    left join placed
        on
            valued.customer_key = placed.customer_key
            and valued.scenario = placed.scenario
),

-- Customers of equal value may stand in two tenths: nothing has moved who is worth the same.
judged as (
    select
        *,
        case direction
            when 'up' then other_decile < value_decile and other_value > lifetime_value
            else other_decile > value_decile and other_value < lifetime_value
        end as is_moved
    from tried
),

found as (
    select
        *,
        row_number() over (
            partition by customer_key, direction order by place
        ) as position
    from judged
    where is_moved
),

smallest as (
    select * from found
    where position = 1
),

directions as (
    select distinct direction from {{ ref('scenarios') }}
),

-- What all that is possible comes to, for whom it does not move.
extremes as (
    select
        customer_key,
        direction,
        count(*) as scenarios,
        case direction when 'up' then max(other_value) else min(other_value) end as furthest_value
    from tried
    group by customer_key, direction
),

cases as (
    select
        customers.customer_key,
        customers.as_of_date,
        directions.direction,
        customers.value_decile,
        customers.lifetime_value,
        customers.predicted_spend,
        customers.network_version,
        case
            when directions.direction = 'down' then own_tenth.least_value
            else better_tenth.least_value
        end as limit_value,
        case
            when directions.direction = 'up' then customers.value_decile = 1
            else customers.value_decile = last_tenth.value_decile
        end as is_at_the_end
    from customers
    cross join last_tenth
    cross join directions
    inner join tenths as own_tenth on customers.value_decile = own_tenth.value_decile
    left join tenths as better_tenth on customers.value_decile = better_tenth.value_decile + 1
    where customers.customer_key in (
        select customer_key from {{ ref('counterfactual_histories') }}
    )
)

select
    cases.customer_key,
    cases.as_of_date,
    longest.horizon_days,
    cases.direction,
    cases.value_decile,
    cases.lifetime_value,
    cases.predicted_spend,
    case when not cases.is_at_the_end then cases.limit_value end as limit_value,
    cast(coalesce(extremes.scenarios, 0) as bigint) as scenarios_tried,
    smallest.scenario,
    smallest.wording as scenario_label,
    smallest.further_orders,
    smallest.silent_days,
    case when smallest.further_orders > 0 or smallest.is_return then smallest.amount end
        as amount,
    cast(smallest.other_decile as integer) as other_value_decile,
    smallest.other_value as other_lifetime_value,
    smallest.other_spend as other_predicted_spend,
    case
        when smallest.scenario is not null
            then
                smallest.wording || ' would move the customer from value tenth '
                || cast(cases.value_decile as string) || ' to '
                || cast(smallest.other_decile as string) || ': a lifetime value of '
                || {{ money_text('smallest.other_value') }} || ' instead of '
                || {{ money_text('cases.lifetime_value') }} || '.'
        when cases.is_at_the_end and cases.direction = 'up'
            then 'The customer is in the best tenth already.'
        when cases.is_at_the_end
            then 'The customer is in the last tenth already.'
        when extremes.scenarios is null
            then 'Nothing that is tried is possible for the customer.'
        when cases.direction = 'up'
            then
                'None of ' || {{ counted('extremes.scenarios', 'possible change') }}
                || ' moves the customer up: the lifetime value becomes '
                || {{ money_text('extremes.furthest_value') }}
                || ' at most, and the better tenth begins at '
                || {{ money_text('cases.limit_value') }} || '.'
        else
            'None of ' || {{ counted('extremes.scenarios', 'possible change') }}
            || ' moves the customer down: the lifetime value stays at '
            || {{ money_text('extremes.furthest_value') }} || ' at least, and the tenth ends at '
            || {{ money_text('cases.limit_value') }} || '.'
    end as statement,
    cases.network_version
from cases
cross join longest
left join smallest
    on
        cases.customer_key = smallest.customer_key
        and cases.direction = smallest.direction
left join extremes
    on
        cases.customer_key = extremes.customer_key
        and cases.direction = extremes.direction
