-- One row per feed and day of the last three years: how many of its rows are facts, 0 too.
{%- set feeds = {
    'orders': ['fct_orders', 'ordered_date'],
    'order_lines': ['fct_order_lines', 'ordered_date'],
    'events': ['fct_events', 'occurred_date'],
    'reviews': ['fct_reviews', 'written_date'],
    'customers': ['dim_customers', shop_date('signed_up_at')],
    'campaign_sends': ['fct_campaign_sends', shop_date('sent_at')],
    'redemptions': ['fct_redemptions', shop_date('redeemed_at')],
    'refunds': ['fct_refunds', 'refunded_date'],
} %}
with scoring as (
    select max(as_of_date) as as_of_date
    from {{ ref('as_of_dates') }}
    where is_scoring_date
),

counted as (
    {%- for feed, (model, day) in feeds.items() %}
    select
        '{{ feed }}' as feed,
        {{ day }} as activity_date,
        count(*) as row_count
    from {{ ref(model) }}
    where {{ day }} is not null
    group by {{ day }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

known as (
    select
        counted.*,
        scoring.as_of_date
    from counted
    cross join scoring
    where
        counted.activity_date <= scoring.as_of_date
        and counted.activity_date > {{ plus_days('scoring.as_of_date', '-1148') }}
),

spans as (
    select
        feed,
        as_of_date,
        min(activity_date) as first_date
    from known
    group by feed, as_of_date
),

days as (
    select
        feed,
        as_of_date,
        {{ each_day('first_date', 'as_of_date') }} as activity_date
    from spans
)

select
    days.feed,
    days.activity_date,
    cast(coalesce(known.row_count, 0) as bigint) as row_count,
    {{ window_number('days.activity_date', 'days.as_of_date') }} as window_number,
    days.as_of_date
from days
left join known
    on days.feed = known.feed and days.activity_date = known.activity_date
