-- One row per customer, past as-of date and horizon that is over by the scoring date:
-- what the customer spent after the date, up to the end of the horizon.
with known as (
    select customer_key, as_of_date from {{ ref('customer_dates') }}
),

dates as (
    select * from {{ ref('as_of_dates') }}
),

days as (
    select * from {{ ref('customer_days') }}
),

horizons as (
    {% for horizon in learned_horizons() -%}
    select {{ horizon }} as horizon_days{{ " union all" if not loop.last }}
    {% endfor %}
),

scoring as (
    select as_of_date as scoring_date from dates
    where is_scoring_date
),

closed as (
    select
        dates.as_of_date,
        horizons.horizon_days,
        {{ plus_days('dates.as_of_date', 'horizons.horizon_days') }} as end_date
    from dates
    cross join horizons
    cross join scoring
    where
        {{ plus_days('dates.as_of_date', 'horizons.horizon_days') }} <= scoring.scoring_date
),

windows as (
    select
        known.customer_key,
        closed.as_of_date,
        closed.horizon_days,
        closed.end_date
    from known
    inner join closed on known.as_of_date = closed.as_of_date
),

bought as (
    select
        windows.customer_key,
        windows.as_of_date,
        windows.horizon_days,
        sum(days.net_amount) as spend,
        count(case when days.is_purchase then 1 end) as purchases
    from windows
    inner join days
        on
            windows.customer_key = days.customer_key
            and windows.as_of_date < days.activity_date
            and windows.end_date >= days.activity_date
    group by windows.customer_key, windows.as_of_date, windows.horizon_days
)

select
    windows.customer_key,
    windows.as_of_date,
    windows.horizon_days,
    cast(greatest(coalesce(bought.spend, 0), 0) as double) as spend,
    cast(coalesce(bought.purchases, 0) as integer) as purchases
from windows
left join bought
    on
        windows.customer_key = bought.customer_key
        and windows.as_of_date = bought.as_of_date
        and windows.horizon_days = bought.horizon_days
