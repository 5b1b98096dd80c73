-- One row: whether this run judges and trains a network, and why.
{%- set features_now = columns_fingerprint(ref('customer_features')) %}
{%- set config_now = training_fingerprint() %}
{%- set trained = standing_networks() %}
with scoring as (
    select max(as_of_date) as as_of_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

networks as (
    {% if trained -%}
    select
        max(as_of_date) as as_of_date,
        max_by(features_fingerprint, trained_at) as features_fingerprint,
        max_by(config_fingerprint, trained_at) as config_fingerprint,
        count(case when is_accepted then 1 end) > 0 as has_accepted
    from {{ trained }}
    {%- else -%}
    select
        cast(null as date) as as_of_date,
        cast(null as string) as features_fingerprint,
        cast(null as string) as config_fingerprint,
        false as has_accepted
    {%- endif %}
),

ages as (
    select
        scoring.as_of_date,
        networks.as_of_date as trained_date,
        networks.features_fingerprint,
        networks.config_fingerprint,
        networks.has_accepted,
        {{ days_between('networks.as_of_date', 'scoring.as_of_date') }} as age_days
    from scoring
    cross join networks
),

reasons as (
    select
        as_of_date,
        case
            when as_of_date is null then null
            when {{ setting('retrain') }} then 'var retrain is true'
            when trained_date is null
                then '{{ "full refresh" if flags.FULL_REFRESH else "no network yet" }}'
            when age_days < 0
                then 'the newest network knows what happened after the as-of date'
            when age_days > {{ setting('retrain_after_days') }}
                then 'the newest network is older than var retrain_after_days'
            when features_fingerprint != '{{ features_now }}'
                then 'customer_features has other columns'
            when config_fingerprint != '{{ config_now }}' then 'the settings have changed'
            when not has_accepted and age_days > 0
                then 'no accepted network, and new data'
        end as due_reason
    from ages
)

select
    due_reason is not null as is_due,
    case
        when due_reason is not null then due_reason
        when as_of_date is null then 'no customers'
        else 'the newest network is still good'
    end as reason,
    as_of_date,
    '{{ features_now }}' as features_fingerprint,
    '{{ config_now }}' as config_fingerprint,
    '{{ tojson(setting("network")) }}' as network
from reasons
