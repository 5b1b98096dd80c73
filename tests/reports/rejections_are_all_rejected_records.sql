-- Both reports of rejected rows add up to all of them.
with records as (
    select count(*) as records from {{ ref('rejected_records') }}
),

feeds as (
    select sum(rejected) as records from {{ ref('feeds') }}
),

rejections as (
    select coalesce(sum(records), 0) as records from {{ ref('rejections') }}
)

select
    records.records,
    feeds.records as records_by_feed,
    rejections.records as records_by_reason
from records
cross join feeds
cross join rejections
where
    feeds.records <> records.records
    or rejections.records <> records.records
