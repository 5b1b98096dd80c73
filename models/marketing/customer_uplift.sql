-- One row per customer and offer: by how much the offer is expected to change the margin
-- that the customer leaves, and how sure that is.
with judged as (
    select
        *,
        row_number() over (partition by offer order by as_of_date desc) as place
    from {{ ref('uplift_backtest') }}
),

days as (
    select
        arm as offer,
        max(days) as days
    from {{ ref('uplift_cases') }}
    where not is_control
    group by arm
),

scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
)

select
    scores.customer_key,
    scoring.as_of_date,
    scores.offer,
    scores.effect,
    scores.effect - 1.959964e0 * scores.effect_error as effect_low,
    scores.effect + 1.959964e0 * scores.effect_error as effect_high,
    scores.effect_error,
    scores.cautious_effect,
    cast(days.days as integer) as horizon_days,
    scores.estimated_by,
    judged.qini,
    judged.qini_low,
    judged.qini_high,
    scores.uplift_version
from {{ ref('uplift_scores') }} as scores
cross join scoring
left join days on scores.offer = days.offer
left join judged on scores.offer = judged.offer and judged.place = 1
