-- One row per network that earlier runs trained, as this run found them.
{% for name, model in learned_models().items() -%}
select
    '{{ name }}' as model_name,
    network_version,
    as_of_date,
    training_number,
    features_fingerprint,
    config_fingerprint,
    code_fingerprint,
    is_accepted,
    {{ network_is_intact('networks') }} as is_intact,
    {{ remembering_table(model.backtest) is not none }} as has_backtest
from {{ left_by_earlier_runs(name) }} as networks
{{ "union all" if not loop.last }}
{% endfor %}
