-- One row per alarm of this build, of all tables of the schema: what it is, since when, how
-- much, what to look at and what to do. What this build changes in published tables is not
-- in schema_changes before it ends.
with limits as (
    {{ alarm_limits() }}
),

calibration as (
    select
        *,
        cast(horizon_days as string) || ' days' as subject
    from {{ ref('calibration_over_time') }}
    where is_newest
),

raised as (
    select
        check_name,
        subject,
        group_name,
        as_of_date,
        size,
        severity,
        statement
    from {{ ref('data_quality') }}
    where severity is not null
    union all
    select
        'feature_drift' as check_name,
        feature as subject,
        'all' as group_name,
        as_of_date,
        size,
        severity,
        'The feature ' || label || ' of today''s customers has left what it was on '
        || cast(compared_with_date as string) || ', which the network learned from: PSI '
        || {{ places_text('psi') }} || ', usually ' || {{ places_text('usual_psi') }}
        || '; KS ' || {{ places_text('ks') }} || ', usually ' || {{ places_text('usual_ks') }}
        || '.'
            as statement
    from {{ ref('feature_drift') }}
    where severity is not null
    union all
    select
        'prediction_drift' as check_name,
        cast(horizon_days as string) || ' days' as subject,
        'all' as group_name,
        as_of_date,
        size,
        severity,
        'Forecasts of ' || cast(horizon_days as string) || ' days have left what they were on '
        || cast(compared_with_date as string) || ': PSI ' || {{ places_text('psi') }}
        || ', KS ' || {{ places_text('ks') }} || '.'
            as statement
    from {{ ref('prediction_drift') }}
    where severity is not null
    union all
    select
        'forecast_totals' as check_name,
        subject,
        'all' as group_name,
        due_date as as_of_date,
        abs(change) as size,
        totals_severity as severity,
        'Of ' || cast(as_of_date as string) || ', ' || {{ money_text('said_spend') }}
        || ' was said for ' || subject || ', and '
        || {{ money_text('actual_spend') }} || ' came: '
        || {{ places_text('abs(errors)') }} || ' times the error that was expected.'
            as statement
    from calibration
    where totals_severity is not null
    union all
    select
        'forecast_ranges' as check_name,
        subject,
        'all' as group_name,
        due_date as as_of_date,
        abs(worst_coverage_error) as size,
        ranges_severity as severity,
        'Of ' || cast(as_of_date as string) || ', '
        || {{ figure_text('abs(worst_coverage_error)') }}
        || case when worst_coverage_error < 0 then ' fewer' else ' more' end
        || ' customers than should have spent no more within ' || subject
        || ' than their quantile of '
        || cast(worst_percent as string) || ' %.' as statement
    from calibration
    where ranges_severity is not null
    union all
    select
        'total_ranges' as check_name,
        subject,
        'all' as group_name,
        due_date as as_of_date,
        0.8e0 - held_share as size,
        held_severity as severity,
        'Ranges of totals of ' || subject || ', said to hold in four of five cases, held in '
        || {{ figure_text('held_share') }} || ' of ' || cast(ranges_judged as string)
        || '.' as statement
    from calibration
    where held_severity is not null
    union all
    select
        'feeds' as check_name,
        part as subject,
        change as group_name,
        as_of_date,
        size,
        severity,
        statement
    from {{ ref('feed_changes') }}
    where severity is not null
    union all
    select
        'schema' as check_name,
        changed.subject,
        changed.group_name,
        cast(null as date) as as_of_date,
        changed.size,
        {{ severity_of('changed.size', '0') }} as severity,
        changed.statement
    from ({{ changed_contracts() }}) as changed
    cross join limits
    where
        limits.check_name = 'schema'
        and {{ severity_of('changed.size', '0') }} is not null
),

dated as (
    select
        raised.check_name,
        raised.subject,
        raised.group_name,
        raised.severity,
        raised.size,
        raised.statement,
        scoring.as_of_date
    from raised
    cross join (
        select max(as_of_date) as as_of_date
        from {{ ref('as_of_dates') }}
        where is_scoring_date
    ) as scoring
),

-- An alarm goes on where an earlier run raised it at most five weeks before.
told as (
    select
        check_name,
        subject,
        group_name,
        as_of_date
    from dated
    union all
    select
        earlier.check_name,
        earlier.subject,
        earlier.group_name,
        earlier.as_of_date
    from {{ left_by_earlier_runs('alarm_history') }} as earlier
    inner join dated
        on
            earlier.check_name = dated.check_name
            and earlier.subject = dated.subject
            and earlier.group_name = dated.group_name
            and earlier.as_of_date < dated.as_of_date
),

with_pauses as (
    select
        *,
        lag(as_of_date) over (
            partition by check_name, subject, group_name order by as_of_date
        ) as date_before
    from told
),

begun as (
    select
        check_name,
        subject,
        group_name,
        max(as_of_date) as since_date
    from with_pauses
    where date_before is null or {{ days_between('date_before', 'as_of_date') }} > 35
    group by check_name, subject, group_name
)

select
    dated.check_name,
    dated.subject,
    dated.group_name,
    dated.severity,
    dated.as_of_date,
    begun.since_date,
    dated.size,
    dated.statement,
    limits.look_at,
    limits.what_to_do,
    limits.owner,
    limits.retrains and dated.severity <> 'say' as retrains
from dated
inner join begun
    on
        dated.check_name = begun.check_name
        and dated.subject = begun.subject
        and dated.group_name = begun.group_name
inner join limits on dated.check_name = limits.check_name
