-- One row per feed or column that has come or gone since the scoring dates of the five
-- weeks before.
with limits as (
    select * from ({{ alarm_limits() }}) as all_limits
    where check_name = 'feeds'
),

scoring as (
    select max(as_of_date) as as_of_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

columns_told as (
    select
        history.*,
        scoring.as_of_date as scoring_date
    from {{ ref('feed_history') }} as history
    inner join scoring
        on
            history.as_of_date <= scoring.as_of_date
            and history.as_of_date >= {{ plus_days('scoring.as_of_date', '-35') }}
),

-- A feed is filled where it has rows. What it says of its columns counts while it has.
told as (
    select
        as_of_date,
        scoring_date,
        feed,
        feed as part,
        cast(null as string) as column_name,
        feed in ('orders', 'order_lines', 'refunds') as is_money,
        max(row_count) as row_count,
        max(row_count) as filled_count
    from columns_told
    group by as_of_date, scoring_date, feed
    union all
    select
        as_of_date,
        scoring_date,
        feed,
        feed || '.' || column_name as part,
        column_name,
        is_money,
        row_count,
        filled_count
    from columns_told
    where row_count > 0
),

before as (
    select
        part,
        count(*) as dates,
        max(filled_count) as filled_count,
        max(case when filled_count > 0 then as_of_date end) as last_date
    from told
    where as_of_date < scoring_date
    group by part
),

changed as (
    select
        told.feed,
        told.column_name,
        told.part,
        told.as_of_date,
        case when told.filled_count > 0 then 'added' else 'removed' end as change,
        told.is_money,
        told.row_count,
        told.filled_count,
        before.last_date,
        case
            when told.filled_count > 0 then 1e0
            when told.is_money then 3e0
            else 2e0
        end as size
    from told
    inner join before on told.part = before.part
    where
        told.as_of_date = told.scoring_date
        and (told.filled_count > 0) <> (before.filled_count > 0)
)

select
    changed.feed,
    changed.column_name,
    changed.part,
    changed.change,
    changed.as_of_date,
    changed.last_date,
    changed.is_money,
    changed.row_count,
    changed.filled_count,
    changed.size,
    {{ severity_of('changed.size', '0') }} as severity,
    case
        when changed.column_name is null then 'The feed ' || changed.part
        else 'The column ' || changed.part
    end
    || case
        when changed.change = 'added'
            then ' is new: it is in ' || cast(changed.filled_count as string) || ' rows.'
        when changed.column_name is null
            then ' is gone; it was there on ' || cast(changed.last_date as string) || '.'
        else
            ' is in no row any more; it was there on '
            || cast(changed.last_date as string) || '.'
    end as statement
from changed
cross join limits
