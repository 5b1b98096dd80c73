-- One row per month ahead and sale or holiday that the feed calendar plans in it.
with shop as (
    select * from {{ ref('shop') }}
),

planned as (
    select
        calendar.calendar_date,
        calendar.name,
        calendar.kind
    from {{ ref('dim_calendar') }} as calendar
    inner join shop
        on
            calendar.calendar_date > shop.as_of_date
            and calendar.calendar_date
            <= {{ plus_days('shop.as_of_date', 'shop.longest_horizon_days') }}
)

select
    cast(date_trunc('month', calendar_date) as date) as month,
    name,
    kind,
    min(calendar_date) as first_date,
    count(distinct calendar_date) as days
from planned
group by cast(date_trunc('month', calendar_date) as date), name, kind
