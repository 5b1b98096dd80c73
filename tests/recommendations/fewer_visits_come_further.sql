-- From the view on, whoever goes on from a step is whoever comes to the next one.
with steps as (
    select
        dimension,
        value,
        step_number,
        visits,
        lag(went_on) over (partition by dimension, value order by step_number) as came
    from {{ ref('site_funnel') }}
    where step_number > 1
)

select *
from steps
where visits <> came
