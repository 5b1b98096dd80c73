-- A plan shares the same budget out, and nobody gets less than nothing.
with plan as (
    select
        count(*) as budgets,
        sum(shift) as all_shifts,
        min(recommended_spend) as least
    from {{ ref('channel_plan') }}
)

select *
from plan
where abs(all_shifts) > 0.01 * budgets or least < 0
