-- One row per alarm of the build: what it is, since when, and what to do, the worst first.
with alarms as (
    select * from {{ ref('alarms') }}
),

alarms_today as (
    select
        cast(row_number() over (
            order by
                case severity when 'stop' then 1 when 'warn' then 2 else 3 end,
                since_date,
                check_name,
                subject,
                group_name
        ) as integer) as place,
        severity,
        statement,
        since_date,
        look_at,
        what_to_do,
        owner,
        retrains
    from alarms
)

select * from alarms_today
