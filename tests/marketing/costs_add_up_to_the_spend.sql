-- All groups of a dimension together cost what marketing_spend says up to the scoring date.
{{ config(enabled=setting('smallest_group') == 1) }}
with groups as (
    select
        dimension,
        sum(cost) as cost
    from {{ ref('acquisition_economics') }}
    where dimension <> 'country'
    group by dimension
),

known as (
    select coalesce(sum(spend.amount), 0) as cost
    from {{ ref('fct_marketing_spend') }} as spend
    inner join {{ ref('as_of_dates') }} as dates
        on dates.is_scoring_date and spend.spent_date <= dates.as_of_date
)

select *
from groups
cross join known
where coalesce(groups.cost, 0) <> known.cost
