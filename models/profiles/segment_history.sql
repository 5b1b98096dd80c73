-- One row per customer and day as of which segments are told: the scoring date, the day
-- active_days before it, and the last thirteen ends of a month. What was bought later is
-- not known on a day.
{%- set months = 13 %}
with scoring as (
    select
        as_of_date,
        cast(date_trunc('month', {{ plus_days('as_of_date', 1) }}) as date) as next_month
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

days as (
    select
        customer_days.*,
        scoring.as_of_date as scoring_date
    from {{ ref('customer_days') }} as customer_days
    inner join scoring on customer_days.activity_date <= scoring.as_of_date
),

month_ends as (
    {%- for month in range(months) %}
    select {{ plus_days(months_after('next_month', -month), -1) }} as month_end
    from scoring
    {{- " union all" if not loop.last }}
    {%- endfor %}
),

all_dates as (
    select
        as_of_date as on_date,
        1 as is_scoring_date,
        0 as is_earlier_date,
        0 as is_month_end
    from scoring
    union all
    select
        {{ plus_days('as_of_date', '-' ~ setting('active_days')) }} as on_date,
        0 as is_scoring_date,
        1 as is_earlier_date,
        0 as is_month_end
    from scoring
    union all
    select
        month_end as on_date,
        0 as is_scoring_date,
        0 as is_earlier_date,
        1 as is_month_end
    from month_ends
),

dates as (
    select
        on_date,
        max(is_scoring_date) = 1 as is_scoring_date,
        max(is_earlier_date) = 1 as is_earlier_date,
        max(is_month_end) = 1 as is_month_end
    from all_dates
    group by on_date
),

-- What holds from each day of a customer's until the next.
states as (
    select
        customer_key,
        activity_date as from_date,
        lead(activity_date) over by_day as until_date,
        min(case when is_purchase then activity_date end) over so_far as first_purchase_date,
        max(case when is_purchase then activity_date end) over so_far as last_purchase_date,
        count(case when is_purchase then 1 end) over so_far as frequency,
        sum(net_amount) over so_far as past_spend
    from days
    window
        by_day as (partition by customer_key order by activity_date),
        so_far as (
            partition by customer_key
            order by activity_date
            rows between unbounded preceding and current row
        )
),

known as (
    select
        states.customer_key,
        dates.on_date,
        dates.is_scoring_date,
        dates.is_earlier_date,
        dates.is_month_end,
        states.first_purchase_date,
        states.last_purchase_date,
        states.frequency,
        states.past_spend
    from states
    inner join dates
        on
            states.from_date <= dates.on_date
            and (states.until_date is null or states.until_date > dates.on_date)
    where states.frequency > 0
),

-- Customers who are alike have the same score: how many are better decides recency, how
-- many are worse the other two.
placed as (
    select
        *,
        cast(count(*) over (partition by on_date) as double) as customers,
        rank() over (partition by on_date order by last_purchase_date desc) - 1 as later,
        rank() over (partition by on_date order by frequency asc) - 1 as less_frequent,
        rank() over (partition by on_date order by past_spend asc) - 1 as less_spending
    from known
),

scored as (
    select
        *,
        cast(5 - floor(5e0 * later / customers) as integer) as recency_score,
        cast(1 + floor(5e0 * less_frequent / customers) as integer) as frequency_score,
        cast(1 + floor(5e0 * less_spending / customers) as integer) as monetary_score
    from placed
)

select
    scored.customer_key,
    scored.on_date,
    scored.is_scoring_date,
    scored.is_earlier_date,
    scored.is_month_end,
    {{ segment(
        'scored.first_purchase_date',
        'scored.last_purchase_date',
        'scored.frequency',
        'scored.on_date',
    ) }} as segment,
    scored.recency_score,
    scored.frequency_score,
    scored.monetary_score,
    rules.rfm_segment,
    cast(scored.past_spend as decimal(38, 4)) as past_spend
from scored
inner join {{ ref('rfm_rules') }} as rules
    on
        scored.recency_score = rules.recency_score
        and cast(floor((scored.frequency_score + scored.monetary_score + 1) / 2e0) as integer)
        = rules.value_score
