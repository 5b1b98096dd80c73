-- One row per customer at the scoring date: how regularly they buy, when they came back
-- for the first time, and what they spent in the year before the last.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

days as (
    select
        customer_days.customer_key,
        customer_days.activity_date,
        customer_days.is_first_purchase,
        customer_days.gap_days,
        customer_days.net_amount,
        {{ days_between('customer_days.activity_date', 'scoring.as_of_date') }} as days_before
    from {{ ref('customer_days') }} as customer_days
    inner join scoring on customer_days.activity_date <= scoring.as_of_date
)

select
    customer_key,
    cast(
        {{ days_between(
            'min(case when is_first_purchase then activity_date end)',
            'min(case when gap_days is not null then activity_date end)',
        ) }} as integer
    ) as days_to_second_purchase,
    sum(case when days_before between 365 and 729 then net_amount else 0 end)
        as spend_previous_365d
from days
group by customer_key
