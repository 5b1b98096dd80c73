-- One row per feature, date and bin of what the network in use was trained on: how many
-- of a fixed sample of customers were in the bin. A run adds rows if another network
-- scores than the one that the table remembers.
{%- set features = watched_features() %}
with scoring as (
    select
        max(as_of_date) as as_of_date,
        coalesce(max(network_version), 'prior') as network_version,
        count(distinct customer_key) as customers
    from {{ ref('clv_predictions') }}
),

remembered as (
    select max(network_version) as network_version
    from {{ left_by_earlier_runs('trained_on') }} as earlier
),

due as (
    select
        scoring.network_version,
        scoring.customers,
        coalesce(trainings.as_of_date, scoring.as_of_date) as trained_date
    from scoring
    cross join remembered
    left join {{ ref('trainings') }} as trainings
        on
            scoring.network_version = trainings.network_version
            and trainings.model_name = 'clv_network'
    where
        scoring.as_of_date is not null
        and (
            remembered.network_version is null
            or remembered.network_version <> scoring.network_version
        )
),

learned as (
    select
        features.*,
        due.network_version
    from {{ ref('customer_features') }} as features
    inner join due on features.as_of_date < due.trained_date
    inner join {{ ref('stg_sample_points') }} as points
        on features.customer_key = points.customer_key
    where points.sample_point * due.customers < {{ watched_customers() }}
),

given as (
    {{ feature_values('learned', ['network_version']) }}
),

tiles as (
    select
        feature,
        value,
        ntile(10) over (
            partition by feature order by value, customer_key, as_of_date
        ) as tile
    from given
    where value is not null
),

tops as (
    select
        feature,
        tile,
        max(value) as top
    from tiles
    where tile < 10
    group by feature, tile
),

edges as (
    {{ edges_of('tops', 'tile', 'top') }}
),

binned as (
    select
        given.network_version,
        given.feature,
        given.as_of_date,
        {{ bin_of('given', 'edges') }} as bin
    from given
    left join edges on given.feature = edges.feature
)

select
    binned.network_version,
    binned.feature,
    binned.as_of_date,
    binned.bin,
    max(tops.top) as bin_low,
    count(*) as row_count
from binned
left join tops
    on binned.feature = tops.feature and binned.bin = cast(tops.tile as string)
group by binned.network_version, binned.feature, binned.as_of_date, binned.bin
