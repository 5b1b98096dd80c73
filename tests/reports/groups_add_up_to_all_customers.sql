-- Every report that counts customers counts each of them once, with their money.
{{ config(enabled=setting('smallest_group') == 1) }}
with profiles as (
    select
        count(*) as customers,
        coalesce(sum(past_spend), 0) as past_spend,
        coalesce(sum(predicted_spend), 0) as predicted_spend,
        coalesce(sum(lifetime_value), 0) as lifetime_value
    from {{ ref('customer_profiles') }}
),

reports as (
    {%- for report in ['segments', 'value_bands'] %}
    select
        '{{ report }}' as report,
        coalesce(sum(customers), 0) as customers,
        coalesce(sum(past_spend), 0) as past_spend,
        coalesce(sum(predicted_spend), 0) as predicted_spend,
        coalesce(sum(lifetime_value), 0) as lifetime_value
    from {{ ref(report) }}
    {%- if not loop.last %} union all {%- endif %}
    {%- endfor %}
)

select reports.*
from reports
cross join profiles
where
    reports.customers <> profiles.customers
    or reports.past_spend <> profiles.past_spend
    or reports.predicted_spend <> profiles.predicted_spend
    or reports.lifetime_value <> profiles.lifetime_value
