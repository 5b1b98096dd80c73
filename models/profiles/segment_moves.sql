-- One row per kind of segment, month, segment at its beginning and at its end.
{%- set kinds = {'lifecycle': 'segment', 'rfm': 'rfm_segment'} %}
with month_ends as (
    select
        customer_key,
        on_date,
        cast(date_trunc('month', on_date) as date) as month,
        segment,
        rfm_segment,
        past_spend
    from {{ ref('segment_history') }}
    where is_month_end
),

-- The oldest end of a month is only where the first move starts.
span as (
    select max(month) as last_month from month_ends
),

moves as (
    select
        afterwards.month,
        coalesce(before.segment, 'none') as segment_before,
        afterwards.segment,
        coalesce(before.rfm_segment, 'none') as rfm_segment_before,
        afterwards.rfm_segment,
        count(*) as customers,
        sum(afterwards.past_spend - coalesce(before.past_spend, 0)) as spend
    from month_ends as afterwards
    cross join span
    left join month_ends as before
        on
            afterwards.customer_key = before.customer_key
            and {{ plus_days('afterwards.month', -1) }} = before.on_date
    where afterwards.month > {{ months_after('span.last_month', -12) }}
    group by
        afterwards.month,
        coalesce(before.segment, 'none'),
        afterwards.segment,
        coalesce(before.rfm_segment, 'none'),
        afterwards.rfm_segment
),

by_kind as (
    {%- for kind, column in kinds.items() %}
    select
        '{{ kind }}' as segment_kind,
        month,
        {{ column }}_before as segment_before,
        {{ column }} as segment,
        customers,
        spend
    from moves
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

summed as (
    select
        segment_kind,
        month,
        segment_before,
        segment,
        cast(sum(customers) as bigint) as customers,
        cast(sum(spend) as decimal(38, 2)) as spend
    from by_kind
    group by
        segment_kind,
        month,
        segment_before,
        segment
)

select *
from summed
where {{ is_shown_group('customers') }}
