-- One row: the day that is planned, the one after the scoring date, and the rules that
-- hold on it.
{%- set rules = [
    'is_stopped', 'horizon_days', 'explored_share', 'explored_share_at_first', 'first_policy_acts',
    'contacts_per_week', 'contacts_per_day', 'rest_after_order_days', 'lowest_rating', 'quiet_on_holidays',
    'most_opt_outs', 'most_returns',
] %}
with scoring as (
    select
        as_of_date,
        {{ plus_days('as_of_date', 1) }} as action_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

rules as (
    select
        {%- for rule in rules %}
        max(case when rule = '{{ rule }}' then value end) as {{ rule }},
        {%- endfor %}
        count(*) as rules
    from {{ ref('action_rules') }}
),

days as (
    select
        scoring.*,
        {{ days_between("date '1900-01-01'", 'scoring.action_date') }} % 7 + 1 as weekday
    from scoring
),

quiet_days as (
    select days.action_date
    from days
    inner join {{ ref('quiet_times') }} as quiet_times
        on
            days.action_date >= coalesce(quiet_times.from_date, days.action_date)
            and days.action_date <= coalesce(quiet_times.to_date, days.action_date)
            and days.weekday = coalesce(quiet_times.weekday, days.weekday)
    union
    select days.action_date
    from days
    cross join rules
    inner join {{ ref('dim_calendar') }} as calendar
        on days.action_date = calendar.calendar_date and calendar.kind = 'holiday'
    where rules.quiet_on_holidays = 1
)

select
    days.as_of_date,
    days.action_date,
    cast(rules.horizon_days as integer) as horizon_days,
    {{ plus_days('days.action_date', 'rules.horizon_days - 1') }} as counted_until,
    rules.explored_share,
    coalesce(rules.explored_share_at_first, rules.explored_share) as explored_share_at_first,
    rules.first_policy_acts = 1 as first_policy_acts,
    cast(rules.contacts_per_week as integer) as contacts_per_week,
    cast(rules.contacts_per_day as integer) as contacts_per_day,
    cast(coalesce(rules.rest_after_order_days, 0) as integer) as rest_after_order_days,
    rules.lowest_rating,
    rules.most_opt_outs,
    rules.most_returns,
    coalesce(rules.is_stopped, 0) = 1 as is_stopped,
    quiet_days.action_date is not null as is_quiet
from days
cross join rules
left join quiet_days on days.action_date = quiet_days.action_date
