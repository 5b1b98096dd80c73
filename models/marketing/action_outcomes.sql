-- One row per decision of an earlier run: what came of it so far. A decision is a row of
-- next_best_actions, and one of nothing is a decision too.
with decisions as (
    select * from {{ left_by_earlier_runs('next_best_actions') }} as remembered
),

today as (
    select * from {{ ref('action_day') }}
),

days as (
    select * from {{ ref('customer_days') }}
),

actions as (
    select
        action,
        purpose
    from {{ ref('actions') }}
),

-- Those who are still known: whoever was erased is no evidence.
known as (
    select distinct customer_key from days
),

begun as (
    select decisions.*
    from decisions
    inner join known on decisions.customer_key = known.customer_key
    cross join today
    where decisions.action_date <= today.as_of_date
),

came as (
    select
        begun.customer_key,
        begun.action_date,
        sum(days.orders) as orders,
        sum(days.purchase_amount) as sales,
        sum(days.net_amount) as net_amount
    from begun
    inner join days
        on
            begun.customer_key = days.customer_key
            and begun.action_date <= days.activity_date
            and begun.counted_until >= days.activity_date
    cross join today
    where days.activity_date <= today.as_of_date
    group by begun.customer_key, begun.action_date
),

withdrawn as (
    select distinct
        begun.customer_key,
        begun.action_date
    from begun
    inner join actions on begun.action = actions.action
    inner join {{ ref('fct_consents') }} as consents
        on
            begun.customer_key = consents.customer_key
            and actions.purpose = consents.purpose
            and begun.action_date <= {{ shop_date('consents.withdrawn_at') }}
            and begun.counted_until >= {{ shop_date('consents.withdrawn_at') }}
    cross join today
    where {{ shop_date('consents.withdrawn_at') }} <= today.as_of_date
)

select
    begun.customer_key,
    begun.action_date,
    begun.counted_until,
    begun.counted_until <= today.as_of_date as is_over,
    begun.action,
    begun.segment,
    begun.considered,
    begun.propensity,
    begun.policy,
    begun.usual_margin,
    begun.expected_margin,
    begun.cost,
    cast(coalesce(came.orders, 0) as integer) as orders,
    cast(coalesce(came.sales, 0) as decimal(38, 4)) as sales,
    cast(greatest(coalesce(came.sales - came.net_amount, 0), 0) as decimal(38, 4))
        as returned,
    coalesce(cast(came.net_amount as double), 0e0) * margins.margin as margin,
    withdrawn.customer_key is not null as has_opted_out
from begun
cross join today
cross join {{ ref('shop_margin') }} as margins
left join came
    on begun.customer_key = came.customer_key and begun.action_date = came.action_date
left join withdrawn
    on
        begun.customer_key = withdrawn.customer_key
        and begun.action_date = withdrawn.action_date
