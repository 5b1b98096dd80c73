-- One row: the shop's currency, dates and margin, and the model that scored its customers.
with profiles as (
    select
        max(as_of_date) as as_of_date,
        count(*) as customers,
        max(scored_by) as scored_by
    from {{ ref('customer_profiles') }}
),

orders as (
    select
        max(currency) as currency,
        min(ordered_date) as first_order_date,
        max(ordered_date) as last_order_date
    from {{ ref('fct_orders') }}
),

horizons as (
    select
        max(horizon_days) as longest_horizon_days,
        max(network_version) as network_version
    from {{ ref('clv_predictions') }}
    where is_longest_horizon
),

-- The training that the scores come from, or the newest one where the prior scored.
trainings as (
    select
        trainings.*,
        row_number() over (
            order by
                case
                    when trainings.network_version = horizons.network_version then 0 else 1
                end,
                trainings.as_of_date desc,
                coalesce(trainings.training_number, 0) desc,
                trainings.network_version desc
        ) as place
    from {{ ref('trainings') }} as trainings
    cross join horizons
    where trainings.model_name = 'clv_network'
),

margins as (
    select * from {{ ref('shop_margin') }}
),

lifetime as (
    select
        case
            when sum(lifetime_value) > 0
                then
                    cast(sum(tail_value) as double) / cast(sum(lifetime_value) as double)
            else 0e0
        end as extrapolated_share
    from {{ ref('customer_lifetime_value') }}
),

shop as (
    select
        orders.currency,
        profiles.as_of_date,
        profiles.customers,
        orders.first_order_date,
        orders.last_order_date,
        horizons.longest_horizon_days,
        margins.margin,
        margins.known_share as margin_known_share,
        margins.doubted_products,
        lifetime.extrapolated_share,
        profiles.scored_by,
        case
            when profiles.scored_by = 'network' then 'clv_network'
            else 'prior'
        end as scoring_model,
        trainings.network_version,
        cast(trainings.trained_at as date) as trained_date,
        trainings.decision
    from profiles
    cross join orders
    cross join horizons
    cross join margins
    cross join lifetime
    left join trainings on trainings.place = 1
)

select * from shop
