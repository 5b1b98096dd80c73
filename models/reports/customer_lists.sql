-- One row per list of customers: the actions that are planned, the things to do, the lifecycle
-- stages, the RFM segments.
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
        'action' as list_kind,
        action as list,
        place,
        label,
        'Planned for them, because it is expected to pay or to learn whether it does'
            as meaning,
        'Their expected spend; of those at risk or lapsed, that of the last 365 days'
            as money,
        next_step
    from {{ ref('actions') }}
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
        sum(money_at_stake) as money_at_stake,
        sum(expected_gain) as expected_gain
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
    cast(coalesce(counted.money_at_stake, 0) as decimal(38, 2)) as money_at_stake,
    cast(
        case when described.list_kind = 'action' then coalesce(counted.expected_gain, 0) end
        as decimal(38, 2)
    ) as expected_gain
from described
left join counted
    on
        described.list_kind = counted.list_kind
        and described.list = counted.list
where {{ is_shown_group('coalesce(counted.customers, 0)') }}
