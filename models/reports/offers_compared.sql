-- One row per offer: what it costs, what experiments let expect of it, and to how many
-- customers it is worth its cost.
with effects as (
    select
        uplift.offer,
        count(*) as scored_customers,
        {{ steady_mean('uplift.effect', 'uplift.customer_key') }} as mean_effect,
        {{ steady_mean('uplift.effect_low', 'uplift.customer_key') }} as mean_effect_low,
        {{ steady_mean('uplift.effect_high', 'uplift.customer_key') }} as mean_effect_high,
        sum(
            case when uplift.effect > cast(offers.cost as double) then 1 else 0 end
        ) as expected_to_pay,
        sum(
            case when uplift.cautious_effect > cast(offers.cost as double) then 1 else 0 end
        ) as cautiously_to_pay
    from {{ ref('customer_uplift') }} as uplift
    inner join {{ ref('offers') }} as offers on uplift.offer = offers.offer
    group by uplift.offer
),

planned as (
    select
        offer,
        count(*) as planned_customers,
        sum(cost) as planned_cost
    from {{ ref('campaign_plan') }}
    group by offer
)

select
    offers.offer,
    offers.channel,
    offers.cost,
    offers.is_offered,
    offers.experiments,
    offers.customers as tried_customers,
    cast({{ rounded('effects.mean_effect', 4) }} as decimal(38, 4)) as mean_effect,
    cast({{ rounded('effects.mean_effect_low', 4) }} as decimal(38, 4)) as mean_effect_low,
    cast({{ rounded('effects.mean_effect_high', 4) }} as decimal(38, 4)) as mean_effect_high,
    cast(coalesce(effects.scored_customers, 0) as bigint) as scored_customers,
    cast(coalesce(effects.expected_to_pay, 0) as bigint) as expected_to_pay_customers,
    cast(coalesce(effects.cautiously_to_pay, 0) as bigint) as cautiously_to_pay_customers,
    cast(coalesce(planned.planned_customers, 0) as bigint) as planned_customers,
    cast(coalesce(planned.planned_cost, 0) as decimal(38, 4)) as planned_cost
from {{ ref('offers') }} as offers
left join effects on offers.offer = effects.offer
left join planned on offers.offer = planned.offer
