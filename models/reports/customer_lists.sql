-- One row per list of customers: the things to do, the lifecycle stages, the RFM segments.
with described as (
    select
        'to_do' as list_kind,
        list,
        place,
        label,
        meaning,
        money,
        next_step
    from {{ ref('lists_explained') }}
    union all
    select
        segment_kind as list_kind,
        segment as list,
        cast(
            row_number() over (partition by segment_kind order by segment asc) as integer
        ) as place,
        label,
        meaning,
        case
            when segment_kind = 'lifecycle' and segment in ('at_risk', 'lapsed')
                then 'Their spend of the last 365 days'
            when segment_kind = 'lifecycle' then 'Their expected spend'
            else
                'Their expected spend; of those at risk or lapsed, that of the last 365 days'
        end as money,
        next_step
    from {{ ref('segments_explained') }}
),

counted as (
    select
        list_kind,
        list,
        count(*) as customers,
        sum(money_at_stake) as money_at_stake
    from {{ ref('list_members') }}
    group by
        list_kind,
        list
)

select
    described.list_kind,
    described.list,
    described.place,
    described.label,
    described.meaning,
    described.money,
    described.next_step,
    cast(coalesce(counted.customers, 0) as bigint) as customers,
    cast(coalesce(counted.money_at_stake, 0) as decimal(38, 2)) as money_at_stake
from described
left join counted
    on
        described.list_kind = counted.list_kind
        and described.list = counted.list
