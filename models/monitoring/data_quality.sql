-- One row per check, feed or column and its group: what it is in the last four weeks, what
-- its own past lets expect, and whether that is an alarm.
{%- set keys = ['check_name', 'subject', 'group_name'] %}
{%- set load = last_load() if execute else {'loaded_at': none} %}
with limits as (
    {{ alarm_limits() }}
),

days as (
    select
        'missing_days' as check_name,
        feed as subject,
        'all' as group_name,
        activity_date,
        row_count as value
    from {{ ref('watched_days') }}
    where feed in ('orders', 'order_lines', 'events')
),

volumes as (
    select
        'volume' as check_name,
        feed as subject,
        'all' as group_name,
        activity_date,
        window_number,
        row_count as value
    from {{ ref('watched_days') }}
    where feed in ('orders', 'order_lines', 'events', 'customers')
),

shares as (
    select * from {{ ref('watched_shares') }}
),

levels as (
    select * from {{ ref('watched_amounts') }}
),

judged_days as (
    {{ judged_days('days', keys) }}
),

judged_volumes as (
    {{ judged_volumes('volumes', keys) }}
),

judged_shares as (
    {{ judged_shares('shares', keys) }}
),

judged_levels as (
    {{ judged_levels('levels', keys) }}
),

spans as (
    select
        feed,
        as_of_date,
        activity_date,
        {{ days_between(
            'lag(activity_date) over (partition by feed order by activity_date)', 'activity_date'
        ) }} as pause_days
    from {{ ref('watched_days') }}
    where row_count > 0
),

-- How long a feed has been silent, in the longest pauses that it made before.
pauses as (
    select
        feed,
        {{ days_between('max(activity_date)', 'max(as_of_date)') }} as silent_days,
        greatest(coalesce(max(pause_days), 1), 2) as usual_days,
        count(*) as days
    from spans
    group by feed
),

scoring as (
    select max(as_of_date) as as_of_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

figures as (
    {{ quality_sizes(keys) }}
),

judged as (
    select
        check_name,
        subject,
        coalesce(cast(activity_date as string), group_name) as group_name,
        figure,
        expected,
        size,
        errors
    from figures
    union all
    select
        'freshness' as check_name,
        feed as subject,
        'all' as group_name,
        cast(silent_days as double) as figure,
        cast(usual_days as double) as expected,
        cast(silent_days as double) / usual_days as size,
        0e0 as errors
    from pauses
    where days >= 8
    union all
    select
        'arrival_lag' as check_name,
        feed as subject,
        measure as group_name,
        lag_hours as figure,
        usual_hours as expected,
        (lag_hours - usual_hours) / 24 as size,
        0e0 as errors
    from {{ ref('arrival_lags') }}
    where usual_hours is not null
    {%- if load.loaded_at %}
    union all
    -- A load of data that are more than a year old is a replay.
    select
        'load_lag' as check_name,
        'orders' as subject,
        'all' as group_name,
        cast(lag_days as double) as figure,
        1e0 as expected,
        case when lag_days <= 366 then cast(lag_days as double) else 2e0 end as size,
        0e0 as errors
    from (
        select {{ days_between(
            'as_of_date', "cast(cast('" ~ load.loaded_at ~ "' as timestamp) as date)"
        ) }} as lag_days
        from scoring
    ) as lagging
    {%- endif %}
)

select
    judged.check_name,
    judged.subject,
    judged.group_name,
    scoring.as_of_date,
    judged.figure,
    judged.expected,
    judged.size,
    judged.errors,
    {{ severity_of('judged.size', 'judged.errors') }} as severity,
    case judged.check_name
        when 'missing_days'
            then
                'On ' || judged.group_name || ' the feed ' || judged.subject || ' has '
                || {{ whole_text('judged.figure') }} || ' rows; such a weekday has '
                || {{ whole_text('judged.expected') }} || '.'
        when 'volume'
            then
                'The feed ' || judged.subject || ' now brings '
                || {{ whole_text('judged.figure') }}
                || ' rows in four weeks, unusual days aside; its own past lets expect '
                || {{ whole_text('judged.expected') }} || '.'
        when 'amounts'
            then
                'A sale of the last four weeks is typically of '
                || {{ money_text('judged.figure') }} || '; the own past lets expect '
                || {{ money_text('judged.expected') }} || '.'
        when 'freshness'
            then
                'The feed ' || judged.subject || ' has had no row for '
                || {{ whole_text('judged.figure') }} || ' days; its longest pause before was '
                || {{ whole_text('judged.expected') }} || '.'
        when 'arrival_lag'
            then
                case judged.group_name
                    when 'median' then 'Half of the rows'
                    else 'One row of twenty'
                end
                || ' of the feed ' || judged.subject || ' came '
                || {{ whole_text('judged.figure') }}
                || ' hours or more after it happened, in the last week of loads; in the five '
                || 'weeks before, ' || {{ whole_text('judged.expected') }} || ' at most.'
        when 'load_lag'
            then
                'The newest order was ' || {{ whole_text('judged.figure') }}
                || ' days old when the shop was last loaded.'
        else
            {{ figure_text('judged.figure') }} || ' of ' || judged.subject || ' '
            || case judged.check_name
                when 'groups' then 'is ' || judged.group_name
                when 'statuses' then 'is ' || judged.group_name
                when 'missing_values' then 'is missing'
                when 'distinct_values' then 'is distinct'
                when 'rejected' then 'is rejected as ' || judged.group_name
                when 'repeats' then 'has the customer, time and money of another order'
                else 'has money in doubt: ' || judged.group_name
            end
            || ' in the last four weeks; the own past lets expect '
            || {{ figure_text('judged.expected') }} || '.'
    end as statement
from judged
cross join scoring
inner join limits on judged.check_name = limits.check_name
