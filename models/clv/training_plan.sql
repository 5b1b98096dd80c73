-- One row per model that is trained: whether this run judges and trains it, and why.
with conditions as (
    select * from {{ ref('training_conditions') }}
),

networks as (
    select * from {{ ref('standing_networks') }}
),

-- Those that know nothing of what happened after the scoring date, the newest first.
known as (
    select
        networks.*,
        {{ days_between('networks.as_of_date', 'conditions.as_of_date') }} as age_days,
        row_number() over (
            partition by networks.model_name
            order by
                networks.as_of_date desc,
                coalesce(networks.training_number, 0) desc,
                networks.network_version desc
        ) as place
    from networks
    inner join conditions on networks.model_name = conditions.model_name
    where networks.as_of_date <= conditions.as_of_date
),

newest as (
    select * from known
    where place = 1
),

counts as (
    select
        model_name,
        count(*) as networks
    from networks
    group by model_name
),

accepted as (
    select distinct model_name
    from known
    where is_accepted and is_intact
),

reasons as (
    select
        conditions.*,
        case
            when newest.as_of_date = conditions.as_of_date then newest.network_version
        end as newest_version,
        case
            when newest.as_of_date = conditions.as_of_date
                then coalesce(newest.training_number, 0)
            else 0
        end as newest_number,
        case
            when conditions.as_of_date is null then null
            when {{ setting('retrain') }} then 'var retrain is true'
            when {{ is_full_refresh() }} then 'full refresh'
            when counts.networks is null then 'no network yet'
            when newest.model_name is null
                then 'every network knows what happened after the as-of date'
            when newest.is_accepted and not newest.is_intact
                then 'the newest network is not the one that was judged: its digest differs'
            when not newest.has_backtest
                then 'the backtest that judged the newest network is gone'
            when newest.age_days > conditions.retrain_after_days
                then 'the newest network is older than var retrain_after_days'
            when newest.out_of_bounds is not null
                then 'out of bounds since the training: ' || newest.out_of_bounds
            when newest.code_fingerprint is null
                then 'the newest network is from before its code had a fingerprint'
            when newest.features_fingerprint != conditions.features_fingerprint
                then 'the features have changed'
            when newest.config_fingerprint != conditions.config_fingerprint
                then 'the settings have changed'
            when newest.code_fingerprint != conditions.code_fingerprint
                then 'the code of the training has changed'
            when accepted.model_name is null and newest.age_days > 0
                then 'no accepted network, and new data'
        end as due_reason
    from conditions
    left join counts on conditions.model_name = counts.model_name
    left join newest on conditions.model_name = newest.model_name
    left join accepted on conditions.model_name = accepted.model_name
)

select
    model_name,
    due_reason is not null as is_due,
    case
        when due_reason is not null then due_reason
        when as_of_date is null then 'no customers'
        else 'the newest network is still good'
    end as reason,
    as_of_date,
    features_fingerprint,
    config_fingerprint,
    code_fingerprint,
    settings,
    newest_version,
    newest_number
from reasons
