-- One row per horizon: how far today's forecasts are from those that were made of the same
-- season a year before, or else in the backtest that judged the model.
with limits as (
    {{ alarm_limits() }}
),

today as (
    select
        customer_key,
        as_of_date,
        horizon_days,
        cast(predicted_spend as double) as value,
        scored_by,
        coalesce(network_version, 'prior') as network_version
    from {{ ref('clv_predictions') }}
),

scoring as (
    select
        horizon_days,
        max(as_of_date) as as_of_date,
        max(scored_by) as scored_by,
        max(network_version) as network_version
    from today
    group by horizon_days
),

earlier as (
    select
        history.customer_key,
        history.as_of_date,
        history.horizon_days,
        cast(history.predicted_spend as double) as value,
        true as is_same_season,
        abs({{ days_between('history.as_of_date', 'scoring.as_of_date') }} - 364) as days_off
    from {{ ref('score_history') }} as history
    inner join scoring on history.horizon_days = scoring.horizon_days
    where abs({{ days_between('history.as_of_date', 'scoring.as_of_date') }} - 364) <= 20
    union all
    select
        backtest.customer_key,
        backtest.origin_date as as_of_date,
        backtest.horizon_days,
        backtest.predicted_spend as value,
        abs({{ days_between('backtest.origin_date', 'scoring.as_of_date') }} - 364) <= 20
            as is_same_season,
        1000 as days_off
    from {{ ref('backtest_predictions') }} as backtest
    inner join scoring on backtest.horizon_days = scoring.horizon_days
    where
        backtest.model
        = case when scoring.scored_by = 'network' then 'clv_network' else 'prior' end
),

dates as (
    select
        horizon_days,
        as_of_date,
        is_same_season,
        days_off,
        days_off < 1000 as was_said,
        row_number() over (
            partition by horizon_days order by days_off asc, as_of_date desc
        ) as place
    from (
        select
            horizon_days,
            as_of_date,
            is_same_season,
            min(days_off) as days_off
        from earlier
        group by horizon_days, as_of_date, is_same_season
    ) as told
),

nearest as (
    select * from dates
    where place = 1
),

reference as (
    select
        earlier.horizon_days,
        earlier.customer_key,
        earlier.value,
        ntile(10) over (
            partition by earlier.horizon_days order by earlier.value, earlier.customer_key
        ) as tile
    from earlier
    inner join nearest
        on
            earlier.horizon_days = nearest.horizon_days
            and earlier.as_of_date = nearest.as_of_date
            and earlier.days_off = nearest.days_off
),

tops as (
    select
        horizon_days as feature,
        tile,
        max(value) as top
    from reference
    where tile < 10
    group by horizon_days, tile
),

edges as (
    {{ edges_of('tops', 'tile', 'top') }}
),

sided as (
    select
        horizon_days,
        value,
        cast(null as string) as category,
        1 as now_count
    from today
    union all
    select
        horizon_days,
        value,
        cast(null as string) as category,
        0 as now_count
    from reference
),

bins as (
    select
        sided.horizon_days,
        0 as pair_number,
        {{ bin_of('sided', 'edges') }} as bin,
        cast(sum(sided.now_count) as bigint) as now_rows,
        cast(sum(1 - sided.now_count) as bigint) as before_rows
    from sided
    inner join edges on sided.horizon_days = edges.feature
    group by sided.horizon_days, {{ bin_of('sided', 'edges') }}
),

drifts as (
    {{ drift_sizes('bins', ['horizon_days', 'pair_number']) }}
),

judged as (
    {{ judged_drifts('drifts', ['horizon_days']) }}
)

select
    judged.horizon_days,
    scoring.as_of_date,
    nearest.as_of_date as compared_with_date,
    nearest.is_same_season,
    nearest.was_said,
    scoring.network_version,
    judged.now_rows,
    judged.before_rows,
    judged.psi,
    judged.ks,
    judged.usual_psi,
    judged.psi_size,
    judged.ks_size,
    {{ drift_size('judged.psi_size', 'judged.ks_size') }} as size,
    -- The backtest's network was another one.
    case
        when
            nearest.was_said
            and least(judged.now_rows, judged.before_rows) >= {{ least_drift_rows() }}
            then {{ severity_of(drift_size('judged.psi_size', 'judged.ks_size'), '0') }}
    end as severity
from judged
inner join scoring on judged.horizon_days = scoring.horizon_days
inner join nearest on judged.horizon_days = nearest.horizon_days
cross join limits
where limits.check_name = 'prediction_drift'
