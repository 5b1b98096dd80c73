-- One row per feature: how far today's customers are from those that the network in use
-- was trained on.
with limits as (
    {{ alarm_limits() }}
),

learned as (
    select * from {{ ref('trained_on') }}
),

scoring as (
    select
        max(as_of_date) as as_of_date,
        count(*) as customers
    from {{ ref('customer_lifetime_value') }}
),

today as (
    select features.*
    from {{ ref('customer_features') }} as features
    inner join scoring on features.as_of_date = scoring.as_of_date
    inner join {{ ref('stg_sample_points') }} as points
        on features.customer_key = points.customer_key
    where points.sample_point * scoring.customers < {{ watched_customers() }}
),

given as (
    {{ feature_values('today', []) }}
),

lows as (
    select
        feature,
        bin,
        max(bin_low) as bin_low
    from learned
    where bin_low is not null
    group by feature, bin
),

edges as (
    {{ edges_of('lows', 'bin', 'bin_low') }}
),

todays_bins as (
    select
        given.feature,
        given.as_of_date,
        {{ bin_of('given', 'edges') }} as bin
    from given
    left join edges on given.feature = edges.feature
),

binned as (
    select
        feature,
        as_of_date,
        bin,
        cast(count(*) as bigint) as row_count
    from todays_bins
    group by feature, as_of_date, bin
    union all
    select
        feature,
        as_of_date,
        bin,
        row_count
    from learned
    where as_of_date < (select as_of_date from scoring)
),

pairs as (
    {{ pairs_of_dates('binned', 'scoring') }}
),

sided as (
    select
        binned.feature,
        pairs.pair_number,
        binned.bin,
        binned.row_count as now_count,
        0 as before_count
    from binned
    inner join pairs on binned.as_of_date = pairs.as_of_date
    union all
    select
        binned.feature,
        pairs.pair_number,
        binned.bin,
        0 as now_count,
        binned.row_count as before_count
    from binned
    inner join pairs on binned.as_of_date = pairs.compared_with_date
),

bins as (
    select
        feature,
        pair_number,
        bin,
        cast(sum(now_count) as bigint) as now_rows,
        cast(sum(before_count) as bigint) as before_rows
    from sided
    group by feature, pair_number, bin
),

drifts as (
    {{ drift_sizes('bins', ['feature', 'pair_number']) }}
),

judged as (
    {{ judged_drifts('drifts', ['feature']) }}
),

labels as (
    {%- for feature in watched_features() %}
    select
        '{{ feature.name }}' as feature,
        {{ text_literal(feature.label) }} as label
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

versions as (
    select max(network_version) as network_version from learned
)

select
    judged.feature,
    labels.label,
    pairs.as_of_date,
    pairs.compared_with_date,
    pairs.is_same_season,
    versions.network_version,
    judged.now_rows,
    judged.before_rows,
    judged.psi,
    judged.ks,
    judged.past_pairs,
    judged.usual_psi,
    judged.usual_ks,
    judged.psi_size,
    judged.ks_size,
    {{ drift_size('judged.psi_size', 'judged.ks_size') }} as size,
    case
        when least(judged.now_rows, judged.before_rows) >= {{ least_drift_rows() }}
            then {{ severity_of(drift_size('judged.psi_size', 'judged.ks_size'), '0') }}
    end as severity
from judged
inner join labels on judged.feature = labels.feature
inner join pairs on pairs.pair_number = 0
cross join versions
cross join limits
where limits.check_name = 'feature_drift'
