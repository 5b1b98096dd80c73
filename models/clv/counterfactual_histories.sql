-- One row per customer and scenario that is possible for the customer: as of when, and what
-- is bought or brought back. Of the customers who have been and will be worth most, as many
-- as var counterfactual_customers says.
with ranked as (
    select
        customer_key,
        as_of_date,
        row_number() over (order by total_value desc, customer_key asc) as position
    from {{ ref('customer_lifetime_value') }}
),

chosen as (
    select
        ranked.customer_key,
        ranked.as_of_date,
        features.last_purchase_date,
        features.recency_days,
        features.frequency,
        features.amount_mean,
        features.amount_last,
        features.items
    from ranked
    inner join {{ ref('customer_features') }} as features
        on
            ranked.customer_key = features.customer_key
            and ranked.as_of_date = features.as_of_date
    where ranked.position <= {{ setting('counterfactual_customers') }}
),

-- What has come back since the last purchase may be of that purchase.
brought_back as (
    select
        chosen.customer_key,
        sum(days.returned_amount) as returned_amount
    from chosen
    inner join {{ ref('customer_days') }} as days
        on
            chosen.customer_key = days.customer_key
            and chosen.last_purchase_date < days.activity_date
            and chosen.as_of_date >= days.activity_date
    group by chosen.customer_key
),

amounts as (
    select
        chosen.*,
        scenarios.scenario,
        scenarios.further_orders,
        scenarios.silent_days,
        scenarios.is_return,
        case
            when scenarios.is_return
                then
                    chosen.amount_last
                    - coalesce(cast(brought_back.returned_amount as double), 0)
            when scenarios.further_orders > 0
                then greatest(chosen.amount_mean * scenarios.amount_factor, 1e-2)
            else 0e0
        end as exact_amount,
        case
            when scenarios.further_orders > 0
                then
                    cast(
                        greatest(
                            round(chosen.items * scenarios.amount_factor / chosen.frequency), 1
                        ) as integer
                    )
            else 0
        end as items_per_order
    from chosen
    cross join {{ ref('scenarios') }} as scenarios
    left join brought_back on chosen.customer_key = brought_back.customer_key
),

to_the_cent as (
    select
        *,
        cast({{ rounded('exact_amount', 2) }} as decimal(38, 2)) as amount
    from amounts
)

select
    customer_key,
    scenario,
    as_of_date as scoring_date,
    {{ plus_days('as_of_date', 'silent_days') }} as as_of_date,
    last_purchase_date,
    recency_days,
    further_orders,
    items_per_order,
    is_return,
    silent_days,
    amount
from to_the_cent
where
    -- Two orders of one day are one purchase.
    (further_orders <= 1 or recency_days >= further_orders)
    -- What comes back on its own day was not bought.
    and (not is_return or (recency_days > 0 and amount > 0))
