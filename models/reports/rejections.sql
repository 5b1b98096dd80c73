-- One row per feed and reason: how many rows were rejected for it, and their money.
with rejected as (
    select
        feed,
        reason,
        count(*) as records,
        cast(coalesce(sum(amount), 0) as decimal(38, 4)) as amount
    from {{ ref('rejected_records') }}
    group by feed, reason
),

reasons as (
    select * from {{ ref('rejection_reasons') }}
),

rejections as (
    select
        rejected.feed,
        rejected.reason,
        coalesce(reasons.explanation, rejected.reason) as explanation,
        rejected.records,
        rejected.amount
    from rejected
    left join reasons on rejected.reason = reasons.reason
)

select * from rejections
