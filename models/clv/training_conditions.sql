-- One row per model that is trained: what a training would depend on now, beside data.
with scoring as (
    select max(as_of_date) as as_of_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

models as (
    {% for name, model in learned_models().items() -%}
    {%- set settings = tojson(training_settings(name)) -%}
    select
        '{{ name }}' as model_name,
        {{ setting(model.retrain_after) }} as retrain_after_days,
        '{{ features_fingerprint(model.features) }}' as features_fingerprint,
        '{{ local_md5(settings) }}' as config_fingerprint,
        {{ text_literal(settings) }} as settings
    {{ "union all" if not loop.last }}
    {% endfor %}
),

code as (
    select * from {{ ref('code_fingerprints') }}
)

select
    models.model_name,
    scoring.as_of_date,
    models.retrain_after_days,
    models.features_fingerprint,
    models.config_fingerprint,
    code.code_fingerprint,
    models.settings
from models
inner join code on models.model_name = code.model_name
cross join scoring
