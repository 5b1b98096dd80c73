-- One row per week and budget, of the last 156 weeks.
select * from {{ ref('budget_weeks') }}
where {{ is_shown_group('new_customers') }}
