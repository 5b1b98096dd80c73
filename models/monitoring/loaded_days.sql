-- One row per load, feed and day of the five weeks before it: how many facts of the day
-- there were after the load. A build of the same load counts them anew.
{%- set load = last_load() if execute else {'number': none, 'loaded_at': none} %}
with last_load as (
    select
        cast({{ load.number or 'null' }} as bigint) as load_number,
        cast({{ "'" ~ load.loaded_at ~ "'" if load.loaded_at else 'null' }} as timestamp)
            as loaded_at
)

select
    last_load.load_number,
    last_load.loaded_at,
    days.feed,
    days.activity_date,
    days.row_count
from {{ ref('watched_days') }} as days
cross join last_load
where
    last_load.load_number is not null
    and days.activity_date > {{ plus_days('days.as_of_date', '-35') }}
    -- A load of data that are more than a year old is a replay.
    and {{ days_between('days.as_of_date', 'cast(last_load.loaded_at as date)') }} <= 366
