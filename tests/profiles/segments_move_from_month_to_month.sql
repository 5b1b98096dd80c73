-- Whoever is in a segment at a month's end moves on from it in the next month, and all that
-- customers spent in a month is in the moves of that month.
{{ config(enabled=setting('smallest_group') == 1) }}
with moves as (
    select * from {{ ref('segment_moves') }}
),

ends as (
    select
        segment_kind,
        {{ months_after('month', 1) }} as month,
        segment,
        sum(customers) as customers
    from moves
    group by
        segment_kind,
        {{ months_after('month', 1) }},
        segment
),

starts as (
    select
        segment_kind,
        month,
        segment_before as segment,
        sum(customers) as customers
    from moves
    where segment_before <> 'none'
    group by
        segment_kind,
        month,
        segment_before
),

months as (
    select
        segment_kind,
        month,
        sum(spend) as spend
    from moves
    group by
        segment_kind,
        month
),

-- A customer is known from the first purchase on; what came back before it counts then.
firsts as (
    select
        customer_key,
        activity_date as first_date
    from {{ ref('customer_days') }}
    where is_first_purchase
),

known as (
    select
        days.net_amount,
        cast(date_trunc('month', greatest(days.activity_date, firsts.first_date)) as date)
            as month
    from {{ ref('customer_days') }} as days
    inner join firsts on days.customer_key = firsts.customer_key
),

spent as (
    select
        month,
        cast(sum(net_amount) as decimal(38, 2)) as spend
    from known
    group by month
)

select
    starts.segment_kind,
    starts.month,
    starts.segment,
    starts.customers as left_with,
    ends.customers as right_with
from starts
inner join ends
    on
        starts.segment_kind = ends.segment_kind
        and starts.month = ends.month
        and starts.segment = ends.segment
where starts.customers <> ends.customers
union all
select
    months.segment_kind,
    months.month,
    'all' as segment,
    months.spend as left_with,
    spent.spend as right_with
from months
inner join spent on months.month = spent.month
-- A row for each pair of segments is rounded to cents, and there are at most 143 of them.
where abs(months.spend - spent.spend) > 1
