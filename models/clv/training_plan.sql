-- One row: whether the backtest and the training run this time, and why.
{%- set trained = adapter.get_relation(this.database, this.schema, 'clv_network') if execute %}
{%- set judged = adapter.get_relation(this.database, this.schema, 'backtest_predictions') if execute %}
{%- set features = ref('customer_features') %}
{%- set shape = [] %}
{%- if execute %}
    {%- set table = adapter.get_relation(features.database, features.schema, features.identifier) %}
    {%- for column in adapter.get_columns_in_relation(table) if table is not none %}
        {%- do shape.append(column.name ~ ' ' ~ column.data_type) %}
    {%- endfor %}
{%- endif %}
{%- set config = [
    var('horizons'), var('training_customers'), var('training_origins'),
    var('origin_step_days'), var('min_history_days'), var('network', {})
] %}
with scoring as (
    select max(as_of_date) as as_of_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

{% if trained is not none and judged is not none and not flags.FULL_REFRESH -%}
networks as (
    select
        max(as_of_date) as as_of_date,
        max_by(features_fingerprint, trained_at) as features_fingerprint,
        max_by(config_fingerprint, trained_at) as config_fingerprint,
        count(case when is_accepted then 1 end) > 0 as has_accepted
    from {{ trained }}
),
{%- else -%}
networks as (
    select
        cast(null as date) as as_of_date,
        cast(null as varchar) as features_fingerprint,
        cast(null as varchar) as config_fingerprint,
        false as has_accepted
),
{%- endif %}

reasons as (
    select
        scoring.as_of_date,
        '{{ local_md5(shape | join(', ')) }}' as features_fingerprint,
        '{{ local_md5(config | string) }}' as config_fingerprint,
        case
            when scoring.as_of_date is null then null
            when {{ 'true' if var('retrain') else 'false' }} then 'var retrain is true'
            when networks.as_of_date is null
                then '{{ "full refresh" if flags.FULL_REFRESH else "no network yet" }}'
            when networks.as_of_date > scoring.as_of_date
                then 'the newest network knows what happened after the as-of date'
            when {{ days_between('networks.as_of_date', 'scoring.as_of_date') }}
                > {{ var('retrain_after_days') }}
                then 'the newest network is older than var retrain_after_days'
            when networks.features_fingerprint
                <> '{{ local_md5(shape | join(', ')) }}'
                then 'customer_features has other columns'
            when networks.config_fingerprint <> '{{ local_md5(config | string) }}'
                then 'the settings have changed'
            when not networks.has_accepted and networks.as_of_date < scoring.as_of_date
                then 'no accepted network, and new data'
        end as due_reason
    from scoring
    cross join networks
)

select
    due_reason is not null as is_due,
    case
        when due_reason is not null then due_reason
        when as_of_date is null then 'no customers'
        else 'the newest network is still good'
    end as reason,
    as_of_date,
    features_fingerprint,
    config_fingerprint,
    '{{ tojson(var('network', {})) }}' as network
from reasons
