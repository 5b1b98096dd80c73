-- One row per horizon and model: how good the model's predictions were at the newest
-- origin that the backtest judged. backtest_metrics explains the measures.
{%- set measures = [
    'normalised_gini', 'spearman', 'top_decile_capture', 'total_bias', 'mae',
    'coverage_error_p90',
] %}
with shop as (
    select * from {{ ref('shop') }}
),

measured as (
    select
        *,
        max(origin_date) over (partition by horizon_days) as newest_origin_date
    from {{ ref('backtest_metrics') }}
),

labels as (
    select * from {{ ref('clv_models') }}
),

newest as (
    select
        horizon_days,
        model,
        origin_date,
        {%- for measure in measures %}
        max(case when measure = '{{ measure }}' then value end) as {{ measure }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from measured
    where
        origin_date = newest_origin_date
        -- Nothing at all has the least mean error where half of the customers spend
        -- nothing. It checks the measures and is no way to forecast.
        and model <> 'zero'
    group by horizon_days, model, origin_date
),

models_compared as (
    select
        newest.horizon_days,
        newest.model,
        coalesce(labels.label, newest.model) as model_label,
        newest.model = shop.scoring_model as is_scoring,
        newest.origin_date,
        {%- for measure in measures %}
        newest.{{ measure }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from newest
    cross join shop
    left join labels on newest.model = labels.model
)

select * from models_compared
