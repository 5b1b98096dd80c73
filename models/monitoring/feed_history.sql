-- One row per scoring date, feed and column: how many rows the feed had when the date was
-- last built, and in how many of them the column was filled.
with scoring as (
    select max(as_of_date) as as_of_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
)

select
    scoring.as_of_date,
    columns_of_feeds.feed,
    columns_of_feeds.column_name,
    columns_of_feeds.is_money,
    columns_of_feeds.row_count,
    columns_of_feeds.filled_count
from {{ ref('stg_feed_columns') }} as columns_of_feeds
cross join scoring
where scoring.as_of_date is not null
