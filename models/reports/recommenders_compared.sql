-- One row per way to recommend: how often it would have named what customers then bought,
-- at the newest date at which the ways were judged.
with metrics as (
    select
        *,
        max(origin_date) over () as newest_date
    from {{ ref('recommendation_metrics') }}
    where customer_group = 'all' and list in ('both', 'new')
),

-- Customers who have bought nothing yet get what is popular, whatever ranks for the others.
ranking as (
    select distinct model
    from {{ ref('product_recommendations') }}
    where model <> 'popular'
),

measured as (
    select
        model,
        origin_date,
        horizon_days,
        max(case when list = 'both' then customers end) as customers,
        max(case when list = 'both' and measure = 'hit_rate' then value end) as hit_rate,
        max(case when list = 'both' and measure = 'recall' then value end) as recall,
        max(case when list = 'new' and measure = 'hit_rate' then value end) as new_hit_rate
    from metrics
    where origin_date = newest_date
    group by model, origin_date, horizon_days
)

select
    measured.model,
    case measured.model
        when 'recommender' then 'The recommender'
        when 'recommender_with_views' then 'The recommender with what they looked at'
        when 'recommender_with_taste' then 'The recommender with tastes of the encoder'
        when 'habit_then_similar' then 'Habits, then what goes with them'
        when 'habit' then 'What they bought before'
        when 'similar' then 'What goes with what they bought'
        when 'popular' then 'What is popular'
        else replace(measured.model, '_', ' ')
    end as model_label,
    ranking.model is not null as is_ranking,
    measured.origin_date,
    measured.horizon_days,
    cast({{ setting('recommended_products') }} as integer) as list_length,
    measured.customers,
    measured.hit_rate,
    measured.recall,
    measured.new_hit_rate
from measured
left join ranking on measured.model = ranking.model
