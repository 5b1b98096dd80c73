-- One row per list and customer on it. Each customer is on the list of their lifecycle
-- stage, on that of their RFM segment, on that of the action that is planned for them, and
-- on those lists of things to do whose rule holds.
{%- set due_days, silent_days = 14, 30 %}
{%- set at_risk_date = plus_days('last_purchase_date', 'cast(ceil(patience_days) as integer)') %}
{%- set usual_gap_days = 'cast(greatest(1, round(profiles.usual_gap_days)) as integer)' %}
{%- set rules = {
    'order_due': {
        'holds': 'next_order_date <= ' ~ plus_days('as_of_date', due_days)
            ~ " and segment in ('new', 'active', 'loyal')",
        'money': 'average_order_value',
        'reason': "'Expected on ' || cast(next_order_date as string) || '. ' || habit",
    },
    'slipping': {
        'holds': 'recency_days >= 2 * patience_days / 3'
            ~ " and segment in ('new', 'active', 'loyal')",
        'money': 'spend_365d',
        'reason': "'At risk from ' || cast(" ~ at_risk_date ~ " as string) || '. ' || habit",
    },
    'went_silent': {
        'holds': "segment = 'at_risk' and recency_days < patience_days + " ~ silent_days,
        'money': 'spend_365d',
        'reason': "'At risk since ' || cast(" ~ at_risk_date ~ " as string) || '. ' || habit",
    },
    'second_order': {
        'holds': "frequency = 1 and segment = 'new'",
        'money': 'predicted_spend',
        'reason': "'First bought on ' || cast(first_purchase_date as string) || '; '"
            ~ ' || ' ~ percent_text('chance_of_buying') ~ " || ' likely to buy again'",
    },
    'came_back': {
        'holds': "previous_segment in ('at_risk', 'lapsed')"
            ~ " and segment in ('active', 'loyal')",
        'money': 'predicted_spend',
        'reason': "'Was ' || replace(previous_segment, '_', ' ') || '. ' || habit",
    },
    'unhappy': {
        'holds': "rating_last <= 2 and segment <> 'lapsed'",
        'money': 'spend_365d',
        'reason': "'Gave ' || cast(rating_last as string) || ' of 5 in the last review'",
    },
    'expectation_fell': {
        'holds': 'expected_change < 0',
        'money': '0 - expected_change',
        'reason': "'Expected spend was ' || " ~ money_text('predicted_spend - expected_change')
            ~ " || ' and is ' || " ~ money_text('predicted_spend'),
    },
    'best': {
        'holds': 'value_decile = 1',
        'money': 'lifetime_value',
        'reason': "coalesce('Stands out by ' || lower(strongest_reason), habit)",
    },
} %}
with profiles as (
    select * from {{ ref('customer_profiles') }}
),

changes as (
    select
        customer_key,
        change as expected_change
    from {{ ref('value_changes') }}
    where is_same_model
),

-- What to offer the customer first.
offers as (
    select
        customer_key,
        coalesce(product_name, product_id) as top_recommendation
    from {{ ref('product_recommendations') }}
    where list = 'both' and rank = 1
),

strongest as (
    select
        customer_key,
        min(reason_label) as strongest_reason
    from {{ ref('clv_explanations') }}
    where reason_rank = 1 and contribution > 0
    group by customer_key
),

customers as (
    select
        profiles.customer_key,
        profiles.as_of_date,
        profiles.segment,
        profiles.previous_segment,
        profiles.rfm_segment,
        customer_groups.country,
        customer_groups.acquisition_channel,
        profiles.first_purchase_date,
        profiles.last_purchase_date,
        profiles.recency_days,
        profiles.frequency,
        profiles.patience_days,
        profiles.next_order_date,
        profiles.average_order_value,
        profiles.spend_365d,
        profiles.rating_last,
        profiles.predicted_spend,
        profiles.chance_of_buying,
        profiles.lifetime_value,
        profiles.value_decile,
        changes.expected_change,
        strongest.strongest_reason,
        offers.top_recommendation,
        case
            when profiles.frequency = 1 then 'Bought once'
            else
                'Buys about every '
                || {{ counted(usual_gap_days, 'day') }}
        end
        || case
            when profiles.recency_days = 0 then ', last today'
            else ', last ' || {{ counted('profiles.recency_days', 'day') }} || ' ago'
        end as habit,
        -- A silent customer is worth what may be lost, any other what is expected.
        cast(
            coalesce(
                case
                    when profiles.segment in ('at_risk', 'lapsed') then profiles.spend_365d
                    else profiles.predicted_spend
                end,
                0
            ) as decimal(38, 2)
        ) as at_stake
    from profiles
    inner join {{ ref('customer_groups') }} as customer_groups
        on profiles.customer_key = customer_groups.customer_key
    left join changes on profiles.customer_key = changes.customer_key
    left join strongest on profiles.customer_key = strongest.customer_key
    left join offers on profiles.customer_key = offers.customer_key
),

-- What may still be done today. The day that is planned is the one after the scoring date.
planned as (
    select
        plan.customer_key,
        plan.action,
        plan.reason,
        plan.expected_gain,
        coalesce(products.product_name, plan.product_id) as planned_product
    from {{ ref('next_best_actions') }} as plan
    inner join {{ ref('actions') }} as actions on plan.action = actions.action
    inner join profiles on plan.customer_key = profiles.customer_key
    left join {{ ref('dim_products') }} as products on plan.product_id = products.product_id
    where
        plan.action_date <= {{ plus_days('profiles.as_of_date', 1) }}
        and plan.expires_date > profiles.as_of_date
),

members as (
    {%- for list, rule in rules.items() %}
    select
        'to_do' as list_kind,
        '{{ list }}' as list,
        cast(coalesce({{ rule.money }}, 0) as decimal(38, 2)) as money_at_stake,
        {{ rule.reason }} as reason,
        cast(null as double) as expected_gain,
        cast(null as string) as planned_product,
        customers.*
    from customers
    where {{ rule.holds }}
    union all
    {%- endfor %}
    select
        'lifecycle' as list_kind,
        segment as list,
        at_stake as money_at_stake,
        habit as reason,
        cast(null as double) as expected_gain,
        cast(null as string) as planned_product,
        customers.*
    from customers
    union all
    select
        'rfm' as list_kind,
        rfm_segment as list,
        at_stake as money_at_stake,
        habit as reason,
        cast(null as double) as expected_gain,
        cast(null as string) as planned_product,
        customers.*
    from customers
    union all
    select
        'action' as list_kind,
        planned.action as list,
        customers.at_stake as money_at_stake,
        planned.reason,
        planned.expected_gain,
        planned.planned_product,
        customers.*
    from planned
    inner join customers on planned.customer_key = customers.customer_key
)

select
    list_kind,
    list,
    cast(
        row_number() over (
            partition by list_kind, list
            order by money_at_stake desc, customer_key asc
        ) as integer
    ) as position,
    customer_key,
    as_of_date,
    segment,
    country,
    acquisition_channel,
    money_at_stake,
    lifetime_value,
    last_purchase_date,
    next_order_date,
    coalesce(planned_product, top_recommendation) as top_recommendation,
    reason,
    cast({{ rounded('expected_gain', 2) }} as decimal(38, 2)) as expected_gain
from members
