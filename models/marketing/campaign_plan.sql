-- One row per customer who gets an offer: which one, what it costs and is expected to gain.
with planned as (
    select * from {{ ref('planned_offers') }}
),

scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
)

select
    planned.customer_key,
    scoring.as_of_date,
    planned.offer,
    offers.channel,
    offers.segment,
    cast(offers.cost_units / 10000.0 as decimal(18, 4)) as cost,
    offers.effect,
    offers.cautious_effect,
    offers.effect - offers.cost_units / 10000e0 as expected_gain,
    offers.effect - offers.cost_units / 10000e0 - 1.959964e0 * offers.effect_error
        as gain_low,
    offers.effect - offers.cost_units / 10000e0 + 1.959964e0 * offers.effect_error
        as gain_high,
    planned.shadow_price,
    planned.gap
from planned
cross join scoring
inner join {{ ref('plannable_offers') }} as offers
    on planned.customer_key = offers.customer_key and planned.offer = offers.offer
