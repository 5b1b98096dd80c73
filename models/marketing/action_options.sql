-- One row per customer and action that is meant for customers of their kind: what it is
-- expected to gain, with which product, and which rules stand against it today.
{%- set hurdles = {
    'is_quiet': 'quiet_day',
    'is_waiting': 'earlier_decision',
    'is_off_limits': 'off_limits',
    'has_no_consent': 'no_consent',
    'is_stopped': 'stopped',
    'has_just_bought': 'just_bought',
    'is_unhappy': 'unhappy',
    'has_enough_messages': 'enough_messages',
    'has_no_product': 'no_product',
} %}
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

-- A day that is built again keeps its decisions, which are no hurdles to themselves.
decided as (
    select
        earlier.customer_key,
        max(case when earlier.action_date = today.action_date then 1 else 0 end) = 1
            as is_of_today,
        max(case when earlier.action_date < today.action_date then 1 else 0 end) = 1
            as is_earlier
    from earlier
    cross join today
    where
        earlier.counted_until >= today.action_date
        and earlier.action_date <= today.action_date
    group by earlier.customer_key
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
        and earlier.action_date < today.action_date
    group by earlier.customer_key
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

stopped as (
    select distinct
        action,
        segment
    from {{ ref('action_guards') }}
    where is_stopped
),

consent_feed as (
    select count(*) > 0 as is_there from {{ ref('fct_consents') }}
),

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
        forecasts.spend_per_day * today.horizon_days * margins.margin as expected_margin,
        coalesce(decided.is_of_today, false) as is_decided,
        today.is_quiet,
        coalesce(decided.is_earlier, false) as is_waiting,
        contactable.customer_key is null as is_off_limits,
        profiles.recency_days < today.rest_after_order_days as has_just_bought,
        coalesce(profiles.rating_last < today.lowest_rating, false) as is_unhappy,
        -- A message that was planned here may be among the sends too, so they do not add up.
        coalesce(
            greatest(coalesce(planned.contacts, 0), coalesce(contactable.messages_this_week, 0))
            >= today.contacts_per_week,
            false
        ) as has_enough_messages,
        contactable.customer_key is not null or consent_feed.is_there as is_asked_for_consent
    from profiles
    cross join today
    cross join newest
    cross join shop
    cross join consent_feed
    cross join {{ ref('shop_margin') }} as margins
    inner join forecasts on profiles.customer_key = forecasts.customer_key
    left join {{ ref('contactable_customers') }} as contactable
        on profiles.customer_key = contactable.customer_key
    left join decided on profiles.customer_key = decided.customer_key
    left join planned on profiles.customer_key = planned.customer_key
    where
        margins.margin > 0
        and coalesce(today.action_date >= newest.action_date, true)
),

meant as (
    select
        customers.customer_key,
        customers.as_of_date,
        customers.action_date,
        customers.counted_until,
        customers.contacts_per_day,
        customers.is_decided,
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
        ) as reason,
        actions.purpose,
        customers.is_quiet,
        customers.is_waiting,
        customers.is_off_limits,
        customers.is_asked_for_consent and agreed.customer_key is null as has_no_consent,
        stopped.action is not null or stopped_here.action is not null as is_stopped,
        customers.has_just_bought,
        customers.is_unhappy,
        customers.has_enough_messages,
        actions.needs_product and products.product_id is null as has_no_product
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
    left join {{ ref('agreed_purposes') }} as agreed
        on
            customers.customer_key = agreed.customer_key
            and actions.purpose = agreed.purpose
    left join stopped
        on
            actions.action = stopped.action
            and stopped.segment = 'all'
    left join stopped as stopped_here
        on
            actions.action = stopped_here.action
            and customers.segment = stopped_here.segment
),

hindered as (
    select
        *,
        {% for flag in hurdles -%}
        case when {{ flag }} then 1 else 0 end{{ ' + ' if not loop.last }}
        {%- endfor %} as hurdles,
        trim(
            {% for flag, hurdle in hurdles.items() -%}
            case when {{ flag }} then '{{ hurdle }} ' else '' end{{ ' || ' if not loop.last }}
            {%- endfor %}
        ) as hurdle
    from meant
)

select
    hindered.customer_key,
    hindered.as_of_date,
    hindered.action_date,
    hindered.counted_until,
    hindered.contacts_per_day,
    hindered.is_decided,
    hindered.segment,
    hindered.action,
    hindered.place,
    hindered.purpose,
    hindered.expires_date,
    hindered.product_id,
    hindered.reason,
    hindered.lifetime_value,
    hindered.usual_margin,
    hindered.expected_margin,
    hindered.cost,
    hindered.most_per_week,
    effects.effect,
    effects.effect_error,
    effects.effect * hindered.usual_margin - hindered.cost as expected_gain,
    policy_effects.effect * hindered.usual_margin - hindered.cost as policy_gain,
    hindered.hurdles,
    hindered.hurdle
from hindered
inner join {{ ref('fitted_effects') }} as effects
    on
        hindered.action = effects.action
        and hindered.segment = effects.segment
        and effects.left_out = 'none'
left join policy_effects
    on
        hindered.action = policy_effects.action
        and hindered.segment = policy_effects.segment
