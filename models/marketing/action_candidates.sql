-- One row per customer and action that may be chosen today: what it is expected to gain,
-- with which product, and why. Nobody is here who must not be contacted, who is still
-- within the horizon of an earlier decision, or for whom no capacity is left.
with today as (
    select * from {{ ref('action_day') }}
),

earlier as (
    select * from {{ left_by_earlier_runs('next_best_actions') }} as remembered
),

-- A run for an earlier date than the newest plan decides nothing.
newest as (
    select max(action_date) as action_date from earlier
),

profiles as (
    select * from {{ ref('customer_profiles') }}
),

shop as (
    select greatest(cast(avg(average_order_value) as double), 0.01e0) as average_order_value
    from profiles
),

-- What a forecast expects of the horizon whatever is done; only differences to it count.
forecasts as (
    select
        customer_key,
        cast(predicted_spend as double) / horizon_days as spend_per_day
    from {{ ref('clv_predictions') }}
    where horizon_days = {{ setting('horizons') | min }}
),

decided as (
    select distinct earlier.customer_key
    from earlier
    cross join today
    where
        earlier.counted_until >= today.action_date
        and earlier.action_date <= today.action_date
),

planned as (
    select
        earlier.customer_key,
        count(*) as contacts
    from earlier
    cross join today
    where
        earlier.action <> 'nothing'
        and earlier.action_date > {{ plus_days('today.action_date', -7) }}
    group by earlier.customer_key
),

used as (
    select
        earlier.action,
        count(*) as contacts,
        sum(case when earlier.action_date = today.action_date then 1 else 0 end)
            as contacts_today
    from earlier
    cross join today
    where
        earlier.action <> 'nothing'
        and earlier.action_date > {{ plus_days('today.action_date', -7) }}
    group by earlier.action
),

used_today as (
    select coalesce(sum(contacts_today), 0) as contacts from used
),

standing as (
    {{ standing_policy(ref('policies')) }}
),

policy_effects as (
    {{ standing_effects(ref('policies'), ref('policy_effects')) }}
),

products as (
    select
        customer_key,
        list,
        product_id,
        coalesce(product_name, product_id) as product_name
    from {{ ref('product_recommendations') }}
    where rank = 1
),

-- Who may be contacted at all.
customers as (
    select
        profiles.*,
        today.as_of_date as planned_as_of,
        today.action_date,
        today.counted_until,
        today.horizon_days,
        today.contacts_per_day,
        case
            when profiles.average_order_value > 0
                then cast(profiles.average_order_value as double)
            else shop.average_order_value
        end * margins.margin as usual_margin,
        forecasts.spend_per_day * today.horizon_days * margins.margin as expected_margin
    from profiles
    cross join today
    cross join newest
    cross join shop
    cross join {{ ref('shop_margin') }} as margins
    inner join forecasts on profiles.customer_key = forecasts.customer_key
    inner join {{ ref('contactable_customers') }} as contactable
        on profiles.customer_key = contactable.customer_key
    left join decided on profiles.customer_key = decided.customer_key
    left join planned on profiles.customer_key = planned.customer_key
    where
        not today.is_quiet
        and margins.margin > 0
        and decided.customer_key is null
        and coalesce(today.action_date >= newest.action_date, true)
        and profiles.recency_days >= today.rest_after_order_days
        and coalesce(profiles.rating_last >= today.lowest_rating, true)
        -- A message that was planned here may be among the sends too, so they do not add up.
        and greatest(coalesce(planned.contacts, 0), contactable.messages_this_week)
        < today.contacts_per_week
),

eligible as (
    select
        customers.customer_key,
        customers.as_of_date,
        customers.action_date,
        customers.counted_until,
        customers.contacts_per_day,
        customers.segment,
        customers.usual_margin,
        customers.expected_margin,
        customers.lifetime_value,
        actions.action,
        actions.place,
        cast(actions.cost as double) as cost,
        actions.most_per_week,
        {{ plus_days('customers.action_date', 'actions.expires_after_days - 1') }} as expires_date,
        products.product_id,
        replace(
            replace(
                replace(
                    replace(
                        replace(
                            actions.reason,
                            '{recency_days}',
                            cast(customers.recency_days as string)
                        ),
                        '{gap_days}',
                        cast(
                            cast(round(coalesce(customers.usual_gap_days, 0)) as integer)
                            as string
                        )
                    ),
                    '{next_order_date}',
                    coalesce(cast(customers.next_order_date as string), '')
                ),
                '{lifetime_value}',
                {{ money_text('customers.lifetime_value') }}
            ),
            '{product}',
            coalesce(products.product_name, 'what they usually buy')
        ) as reason
    from customers
    inner join {{ ref('actions') }} as actions
        on
            ' ' || actions.segments || ' ' like '% ' || customers.segment || ' %'
            and customers.frequency >= coalesce(actions.least_purchases, 0)
            and customers.frequency <= coalesce(actions.most_purchases, customers.frequency)
            and customers.value_decile
            <= coalesce(actions.highest_value_decile, customers.value_decile)
            and (
                actions.due_within_days is null
                or customers.next_order_date
                <= {{ plus_days('customers.planned_as_of', 'actions.due_within_days') }}
            )
    left join products
        on
            customers.customer_key = products.customer_key
            and actions.product_list = products.list
    inner join {{ ref('agreed_purposes') }} as agreed
        on
            customers.customer_key = agreed.customer_key
            and actions.purpose = agreed.purpose
    left join {{ ref('action_guards') }} as guards
        on
            actions.action = guards.action
            and guards.is_stopped
            and guards.segment = 'all'
    left join {{ ref('action_guards') }} as guards_of_segment
        on
            actions.action = guards_of_segment.action
            and guards_of_segment.is_stopped
            and customers.segment = guards_of_segment.segment
    where
        (not actions.needs_product or products.product_id is not null)
        and guards.action is null
        and guards_of_segment.action is null
),

valued as (
    select
        eligible.*,
        effects.effect,
        effects.effect_error,
        effects.effect * eligible.usual_margin - eligible.cost as expected_gain,
        policy_effects.effect * eligible.usual_margin - eligible.cost as policy_gain,
        coalesce(used.contacts, 0) as used_contacts
    from eligible
    inner join {{ ref('fitted_effects') }} as effects
        on
            eligible.action = effects.action
            and eligible.segment = effects.segment
            and effects.left_out = 'none'
    left join policy_effects
        on
            eligible.action = policy_effects.action
            and eligible.segment = policy_effects.segment
    left join used on eligible.action = used.action
),

-- Caps are kept before chance draws, for those of most gain: so a propensity is the
-- chance that it says.
within_a_week as (
    select
        *,
        row_number() over (
            partition by action order by expected_gain desc, customer_key asc
        ) as position
    from valued
),

admitted as (
    select * from within_a_week
    where coalesce(position <= most_per_week - used_contacts, true)
),

best_of_customers as (
    select
        customer_key,
        row_number() over (order by max(expected_gain) desc, customer_key asc) as position
    from admitted
    group by customer_key
)

select
    admitted.customer_key,
    admitted.action_date,
    admitted.counted_until,
    admitted.segment,
    admitted.action,
    admitted.place,
    admitted.expires_date,
    admitted.product_id,
    admitted.reason,
    admitted.lifetime_value,
    admitted.usual_margin,
    admitted.expected_margin,
    admitted.cost,
    admitted.effect,
    admitted.effect_error,
    admitted.expected_gain,
    admitted.policy_gain,
    standing.policy
from admitted
inner join best_of_customers on admitted.customer_key = best_of_customers.customer_key
cross join used_today
cross join standing
where
    coalesce(best_of_customers.position <= admitted.contacts_per_day - used_today.contacts, true)
