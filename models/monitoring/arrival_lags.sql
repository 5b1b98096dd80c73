-- One row per feed and measure, the median or the 95 % quantile: how many hours after their
-- day the rows came that the loads of the last week brought, and those of the weeks before.
{%- set shares = {'median': '0.5e0', 'p95': '0.95e0'} %}
with loads as (
    select
        load_number,
        loaded_at,
        lag(load_number) over (order by load_number) as number_before,
        cast(floor({{ days_between(
            'cast(loaded_at as date)', 'max(cast(loaded_at as date)) over ()'
        ) }} / 7) as integer) as week_number
    from (
        select
            load_number,
            max(loaded_at) as loaded_at
        from {{ ref('loaded_days') }}
        group by load_number
    ) as told
),

spans as (
    select
        load_number,
        feed,
        min(activity_date) as first_date,
        max(activity_date) as last_date
    from {{ ref('loaded_days') }}
    group by load_number, feed
),

-- What a load has more of a day than the one before. A day counts from its noon.
brought as (
    select
        newer.feed,
        loads.week_number,
        {{ days_between('newer.activity_date', shop_date('loads.loaded_at')) }} * 24e0
        + extract(hour from {{ shop_clock('loads.loaded_at') }}) - 12 as lag_hours,
        newer.row_count - coalesce(older.row_count, 0) as row_count
    from {{ ref('loaded_days') }} as newer
    inner join loads on newer.load_number = loads.load_number
    inner join spans
        on loads.number_before = spans.load_number and newer.feed = spans.feed
    left join {{ ref('loaded_days') }} as older
        on
            loads.number_before = older.load_number
            and newer.feed = older.feed
            and newer.activity_date = older.activity_date
    where newer.activity_date >= spans.first_date and loads.week_number <= 5
),

by_hours as (
    select
        feed,
        week_number,
        lag_hours,
        cast(sum(row_count) as bigint) as row_count
    from brought
    where row_count > 0
    group by feed, week_number, lag_hours
),

cumulated as (
    select
        *,
        sum(row_count) over (
            partition by feed, week_number order by lag_hours
            rows between unbounded preceding and current row
        ) as rows_until,
        sum(row_count) over (partition by feed, week_number) as week_rows
    from by_hours
),

weeks as (
    {%- for measure, share in shares.items() %}
    select
        feed,
        '{{ measure }}' as measure,
        week_number,
        cast(max(week_rows) as bigint) as week_rows,
        min(case when rows_until >= {{ share }} * week_rows then lag_hours end) as lag_hours
    from cumulated
    group by feed, week_number
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

compared as (
    select
        feed,
        measure,
        cast(coalesce(max(case when week_number = 0 then week_rows end), 0) as bigint)
            as row_count,
        max(case when week_number = 0 then lag_hours end) as lag_hours,
        sum(case when week_number > 0 and week_rows >= 20 then 1 else 0 end) as past_weeks,
        max(case when week_number > 0 and week_rows >= 20 then lag_hours end)
            as longest_hours
    from weeks
    group by feed, measure
)

select
    feed,
    measure,
    row_count,
    lag_hours,
    cast(past_weeks as bigint) as past_weeks,
    case when past_weeks >= 3 and row_count >= 20 then longest_hours end as usual_hours
from compared
where lag_hours is not null
