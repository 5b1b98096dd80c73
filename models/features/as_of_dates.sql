-- One row per date as of which there are features: the scoring date, and the past
-- origins from which the network learns and at which it is judged.
{{ check_purchases(ref('customer_days')) }}
with first_purchases as (
    select
        activity_date as first_purchase_date,
        count(*) as customers
    from {{ ref('customer_days') }}
    where is_first_purchase
    group by activity_date
),

-- A mistyped last day is not believed unless var as_of_date names it.
believed as (
    select min(last_date) as last_date
    from {{ ref('doubted_days') }}
),

ordered as (
    select
        min(ordered_date) as first_date,
        max(ordered_date) as last_date
    from {{ ref('fct_orders') }}
),

span as (
    select
        ordered.first_date,
        {% if setting('as_of_date') -%}
        cast('{{ setting("as_of_date") }}' as date)
        {%- else -%}
        coalesce(believed.last_date, ordered.last_date)
        {%- endif %} as scoring_date
    from ordered
    cross join believed
),

-- Origins on a regular grid, and two more kinds. From one kind a horizon reaches the
-- scoring date exactly: models are judged there. From the other kind two horizons, one
-- after the other, reach it: there the judged models are calibrated.
offsets as (
    {% for days in origin_offsets() -%}
    select {{ days }} as days_before{{ " union all" if not loop.last }}
    {% endfor %}
),

dates as (
    select
        {{ plus_days('span.scoring_date', '-offsets.days_before') }} as as_of_date,
        offsets.days_before = 0 as is_scoring_date,
        {{ plus_days('span.first_date', setting('min_history_days')) }} as first_origin
    from span
    cross join offsets
    where span.scoring_date is not null
),

known as (
    select
        dates.as_of_date,
        dates.is_scoring_date,
        sum(first_purchases.customers) as customers
    from dates
    inner join first_purchases on dates.as_of_date >= first_purchases.first_purchase_date
    where dates.is_scoring_date or dates.as_of_date >= dates.first_origin
    group by dates.as_of_date, dates.is_scoring_date
)

select
    as_of_date,
    is_scoring_date,
    cast(customers as bigint) as customers,
    case
        when is_scoring_date then 1e0
        else least(1e0, {{ setting('training_customers') }} / cast(customers as double))
    end as sampled_share
from known
