-- One row per network that earlier runs trained, as this run found them.
with out_of_bounds as (
    select
        max(since_date) as since_date,
        max_by(statement, since_date) as statement
    from {{ left_by_earlier_runs('alarm_history') }} as alarms
    where retrains
)

{% for name, model in learned_models().items() %}
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
    {{ remembering_table(model.backtest) is not none }} as has_backtest,
    {%- if name == 'clv_network' %}
    -- A drift that began after the training; of one that was there, training knows.
    case
        when out_of_bounds.since_date > networks.as_of_date then out_of_bounds.statement
    end as out_of_bounds
    {%- else %}
    cast(null as string) as out_of_bounds
    {%- endif %}
from {{ left_by_earlier_runs(name) }} as networks
{% if name == 'clv_network' %}cross join out_of_bounds{% endif %}
{{ "union all" if not loop.last }}
{% endfor %}
