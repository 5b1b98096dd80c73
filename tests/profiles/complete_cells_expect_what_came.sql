-- Where the month of all customers of a group is over, nothing is left to forecast, and
-- the buyers of a month of first orders are those of reports.cohorts.
{{ config(enabled=setting('smallest_group') == 1) }}
select
    dimension,
    group_name,
    age_months,
    value_per_customer as found,
    expected_value_per_customer as expected
from {{ ref('cohort_values') }}
where is_complete and value_per_customer <> expected_value_per_customer
union all
select
    'month' as dimension,
    grid.group_name,
    grid.age_months,
    grid.buyers as found,
    reported.buyers as expected
from {{ ref('cohort_values') }} as grid
inner join (
    select
        first_purchase_month,
        months_since,
        sum(buyers) as buyers
    from {{ ref('cohorts') }}
    where is_over
    group by
        first_purchase_month,
        months_since
) as reported
    on
        grid.dimension = 'month'
        and grid.group_name = cast(reported.first_purchase_month as string)
        and grid.age_months = reported.months_since
        and grid.buyers <> reported.buyers
