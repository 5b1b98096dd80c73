{%- set metrics = {
    'conversion': 'case when orders > 0 then 1 else 0 end',
    'orders': 'orders',
    'spend': 'spend',
} %}
-- One row per metric and relative effect: how many customers each of two arms needs to find
-- it, and how many days that takes, by what the shop's customers did in the 28 days up to
-- the scoring date.
with scoring as (
    select
        as_of_date,
        {{ plus_days('as_of_date', -28) }} as start_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

first_days as (
    select
        customer_key,
        min(activity_date) as first_date
    from {{ ref('customer_days') }}
    where is_purchase
    group by customer_key
),

days as (
    select
        customer_days.customer_key,
        sum(
            case
                when customer_days.activity_date > scoring.start_date then customer_days.orders
                else 0
            end
        ) as orders,
        sum(
            case
                when customer_days.activity_date > scoring.start_date
                    then customer_days.net_amount
                else 0
            end
        ) as spend,
        sum(
            case
                when
                    customer_days.activity_date <= scoring.start_date
                    and customer_days.activity_date > {{ plus_days('scoring.start_date', -365) }}
                    then customer_days.net_amount
                else 0
            end
        ) as past_spend
    from {{ ref('customer_days') }} as customer_days
    cross join scoring
    where customer_days.activity_date <= scoring.as_of_date
    group by customer_days.customer_key
),

-- The newest forecast that was made in time, of the horizon nearest to 28 days.
forecasts as (
    select
        history.customer_key,
        history.predicted_spend,
        row_number() over (
            partition by history.customer_key
            order by
                history.as_of_date desc,
                abs(history.horizon_days - 28) asc,
                history.horizon_days asc
        ) as place
    from {{ ref('score_history') }} as history
    cross join scoring
    where
        history.as_of_date <= scoring.start_date
        and not {{ is_replay('history.said_at', 'history.as_of_date') }}
),

customers as (
    select
        days.customer_key,
        days.orders,
        days.spend,
        coalesce(forecasts.predicted_spend, days.past_spend) as covariate,
        case when forecasts.customer_key is not null then 'forecast' else 'past spend' end
            as stratum
    from days
    inner join first_days on days.customer_key = first_days.customer_key
    cross join scoring
    left join forecasts
        on days.customer_key = forecasts.customer_key and forecasts.place = 1
    where first_days.first_date <= scoring.start_date
),

arrivals as (
    select count(*) / 28e0 as customers_a_day
    from first_days
    cross join scoring
    where
        first_days.first_date > scoring.start_date
        and first_days.first_date <= scoring.as_of_date
),

-- As in an experiment with no arms but one.
customer_values as (
    {% for metric, value in metrics.items() -%}
    select
        '{{ metric }}' as metric,
        'all' as arm,
        true as is_control,
        stratum,
        cast({{ value }} as decimal(18, 4)) as value,
        cast(1 as decimal(18, 4)) as divisor,
        cast(covariate as decimal(18, 4)) as covariate
    from customers
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

moments as (
    {{ moments_of_arms('customer_values', ['metric']) | indent(4) }}
),

strata as (
    select
        metric,
        stratum,
        cast(customers as double) as customers,
        cast(value_sum as double) as value_sum,
        cast(value_squares as double)
        - cast(value_sum as double) * cast(value_sum as double) / customers as squares,
        cast(value_covariates as double)
        - cast(value_sum as double) * cast(covariate_sum as double) / customers as products,
        cast(covariate_squares as double)
        - cast(covariate_sum as double) * cast(covariate_sum as double) / customers as spread
    from moments
),

summed as (
    select
        metric,
        sum(customers) as customers,
        sum(value_sum) / sum(customers) as mean,
        sum(squares) + sum(value_sum * value_sum / customers)
        - sum(value_sum) * sum(value_sum) / sum(customers) as squares,
        sum(squares - case when spread > 0 then products * products / spread else 0e0 end)
            as reduced_squares,
        sum(case when stratum = 'forecast' then customers else 0e0 end) / sum(customers)
            as forecast_share
    from strata
    group by metric
),

effects as (
    {% for share in [0.01, 0.02, 0.05, 0.1, 0.2, 0.5] -%}
    select {{ share }}e0 as relative_effect {{ 'union all' if not loop.last }}
    {% endfor %}
),

needed as (
    select
        summed.metric,
        effects.relative_effect,
        summed.mean,
        summed.customers,
        summed.forecast_share,
        sqrt(greatest(0e0, summed.squares) / (summed.customers - 1)) as deviation,
        case
            when summed.squares > 0
                then 1e0 - greatest(0e0, summed.reduced_squares) / summed.squares
        end as variance_reduction,
        {{ customers_needed(
            'greatest(0e0, summed.squares) / (summed.customers - 1)',
            '(effects.relative_effect * summed.mean)',
        ) }} as plain_customers_per_arm,
        {{ customers_needed(
            'greatest(0e0, summed.reduced_squares) / (summed.customers - 1)',
            '(effects.relative_effect * summed.mean)',
        ) }} as customers_per_arm
    from summed
    cross join effects
    where summed.mean != 0 and summed.customers > 1
),

at_least as (
    select
        needed.*,
        arrivals.customers_a_day,
        greatest(needed.plain_customers_per_arm, {{ least_customers() }}) as plain_per_arm,
        greatest(needed.customers_per_arm, {{ least_customers() }}) as per_arm
    from needed
    cross join arrivals
)

select
    metric,
    relative_effect,
    mean,
    deviation,
    cast(customers as bigint) as customers,
    forecast_share,
    variance_reduction,
    cast(plain_per_arm as bigint) as plain_customers_per_arm,
    cast(per_arm as bigint) as customers_per_arm,
    case
        when 2 * plain_per_arm <= customers then 28e0
        when customers_a_day > 0
            then 28e0 + ceil((2 * plain_per_arm - customers) / customers_a_day)
    end as plain_days,
    case
        when 2 * per_arm <= customers then 28e0
        when customers_a_day > 0
            then 28e0 + ceil((2 * per_arm - customers) / customers_a_day)
    end as days
from at_least
