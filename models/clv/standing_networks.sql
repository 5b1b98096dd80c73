-- One row per network that earlier runs trained, as this run found them.
{% for name, model in learned_models().items() -%}
{%- set networks = left_by_earlier_runs(name) -%}
{%- if networks %}
select
    '{{ name }}' as model_name,
    network_version,
    trained_at,
    as_of_date,
    features_fingerprint,
    config_fingerprint,
    {#- Warehouses built before code had a fingerprint. #}
    {{ 'code_fingerprint' if 'code_fingerprint' in column_names(networks)
        else 'cast(null as string)' }} as code_fingerprint,
    is_accepted,
    {{ left_by_earlier_runs(model.backtest) is not none }} as has_backtest
from {{ networks }}
{%- else %}
select
    '{{ name }}' as model_name,
    cast(null as string) as network_version,
    cast(null as timestamp) as trained_at,
    cast(null as date) as as_of_date,
    cast(null as string) as features_fingerprint,
    cast(null as string) as config_fingerprint,
    cast(null as string) as code_fingerprint,
    false as is_accepted,
    false as has_backtest
from (select 1 as rows_found) as none_found
where rows_found = 0
{%- endif %}
{{ "union all" if not loop.last }}
{% endfor %}
