-- One row per cohort and month of age: the margin that its customers have brought by then, as
-- far as it is observed, and then as their channel's older customers let expect.
with cells as (
    select * from {{ ref('acquisition_cells') }}
),

margins as (
    select margin from {{ ref('shop_margin') }}
),

curves as (
    select * from {{ ref('fitted_curves') }}
),

-- What a cohort has brought is observed as long as all its customers are that old.
expected as (
    select
        cells.*,
        curves.customers as customers_behind,
        case
            when cells.is_observed
                then
                    cast(
                        {{ rounded('cast(cells.spend as double) * margins.margin', 4) }}
                        as decimal(38, 4)
                    )
            else cells.customers * curves.margin
        end as margin_amount
    from cells
    cross join margins
    left join curves
        on
            cells.age_months = curves.age_months
            and cells.channel = curves.channel
            and curves.dimension
            = case when cells.dimension = 'all' then 'all' else 'channel' end
),

added_up as (
    select
        *,
        sum(margin_amount) over (
            partition by {{ cohort_columns() }}
            order by age_months
            rows between unbounded preceding and current row
        ) as margin_so_far
    from expected
    where is_observed or customers_behind is not null
)

select
    {{ cohort_columns() }},
    age_months,
    cast(age_days as integer) as age_days,
    customers,
    is_observed,
    case when is_observed then customers else customers_behind end as customers_behind,
    cast({{ rounded('cast(margin_amount as double)', 2) }} as decimal(38, 2)) as margin_amount,
    cast({{ rounded('cast(margin_so_far as double)', 2) }} as decimal(38, 2))
        as cumulative_margin_amount,
    cast(
        {{ rounded('cast(margin_so_far as double) / customers', 2) }} as decimal(38, 2)
    ) as cumulative_margin
from added_up
where dimension = 'all' or {{ is_shown_group('customers') }}
