-- One row per customer and as-of date: what was known of the customer at the end of
-- that day. All customers at the scoring date; a fixed sample of them at past origins.
{%- set windows = [30, 90, 180, 365] %}
with days as (
    select * from {{ ref('customer_days') }}
),

visits as (
    select * from {{ ref('customer_visits') }}
),

review_days as (
    select * from {{ ref('customer_reviews') }}
),

dates as (
    select * from {{ ref('as_of_dates') }}
),

customers as (
    select
        customer_key,
        activity_date as first_purchase_date,
        {{ sample_point('customer_key') }} as sample_point
    from days
    where is_first_purchase
),

-- Customers known at each date, those sampled of them.
known as (
    select
        customers.customer_key,
        dates.as_of_date
    from customers
    inner join dates on customers.first_purchase_date <= dates.as_of_date
    where
        dates.is_scoring_date
        or customers.sample_point < dates.sampled_share
),

history as (
    select
        known.as_of_date,
        days.*,
        {{ days_between('days.activity_date', 'known.as_of_date') }} as days_before
    from known
    inner join days
        on
            known.customer_key = days.customer_key
            and known.as_of_date >= days.activity_date
),

-- Sums are of exact numbers, so that they come out the same in any order.
totals as (
    select
        customer_key,
        as_of_date,
        min(case when is_purchase then activity_date end) as first_purchase_date,
        max(case when is_purchase then activity_date end) as last_purchase_date,
        count(case when is_purchase then 1 end) as frequency,
        count(gap_days) as gaps,
        sum(gap_days) as gap_sum,
        sum(cast(gap_days as bigint) * gap_days) as gap_square_sum,
        sum(case when is_purchase then purchase_amount end) as amount_sum,
        sum(case when is_purchase then purchase_amount * purchase_amount end)
            as amount_square_sum,
        max(case when is_purchase then purchase_amount end) as amount_max,
        sum(orders) as orders,
        sum(items) as items,
        sum(new_products) as distinct_products,
        sum(net_amount) as past_spend,
        sum(returned_amount) as returned_amount,
        count(case when returned_amount > 0 then 1 end) as return_days,
        {%- for window in windows %}
        sum(case when days_before < {{ window }} then net_amount else 0 end)
            as spend_{{ window }}d,
        count(case when days_before < {{ window }} and is_purchase then 1 end)
            as purchases_{{ window }}d,
        {%- endfor %}
        {{ last_values('cast(days_before as bigint)', 'activity_date', 16, 'is_purchase') }}
            as purchase_days_before,
        {{ last_values('cast(purchase_amount as double)', 'activity_date', 16, 'is_purchase') }}
            as purchase_amounts
    from history
    group by customer_key, as_of_date
),

seen as (
    select
        known.as_of_date,
        visits.*,
        {{ days_between('visits.activity_date', 'known.as_of_date') }} as days_before
    from known
    inner join visits
        on
            known.customer_key = visits.customer_key
            and known.as_of_date >= visits.activity_date
),

browsing as (
    select
        customer_key,
        as_of_date,
        min(days_before) as days_since_seen,
        sum(case when days_before < 30 then views end) as views_30d,
        sum(case when days_before < 30 then carts end) as carts_30d,
        sum(case when days_before < 30 then sessions end) as sessions_30d
    from seen
    group by customer_key, as_of_date
),

reviewed as (
    select
        known.customer_key,
        known.as_of_date,
        sum(review_days.reviews) as reviews,
        sum(review_days.rating_sum) as rating_sum,
        max_by(review_days.rating_last, review_days.activity_date) as rating_last
    from known
    inner join review_days
        on
            known.customer_key = review_days.customer_key
            and known.as_of_date >= review_days.activity_date
    group by known.customer_key, known.as_of_date
),

-- Who has an account without a date opened it before anything that is known.
channels as (
    select
        customer_key,
        acquisition_channel,
        coalesce(cast(signed_up_at as date), date '1970-01-01') as known_from
    from {{ ref('dim_customers') }}
    where acquisition_channel is not null
),

measured as (
    select
        totals.*,
        cast(totals.amount_sum as double) / totals.frequency as amount_mean,
        cast(totals.gap_sum as double) / totals.gaps as cycle_days,
        coalesce(browsing.views_30d, 0) as views_30d,
        coalesce(browsing.carts_30d, 0) as carts_30d,
        coalesce(browsing.sessions_30d, 0) as sessions_30d,
        browsing.days_since_seen,
        coalesce(reviewed.reviews, 0) as reviews,
        reviewed.rating_sum,
        reviewed.rating_last,
        channels.acquisition_channel
    from totals
    left join browsing
        on
            totals.customer_key = browsing.customer_key
            and totals.as_of_date = browsing.as_of_date
    left join reviewed
        on
            totals.customer_key = reviewed.customer_key
            and totals.as_of_date = reviewed.as_of_date
    left join channels
        on
            totals.customer_key = channels.customer_key
            and totals.as_of_date >= channels.known_from
)

select
    customer_key,
    as_of_date,
    first_purchase_date,
    last_purchase_date,
    cast(frequency as integer) as frequency,
    cast({{ days_between('last_purchase_date', 'as_of_date') }} as integer) as recency_days,
    cast({{ days_between('first_purchase_date', 'as_of_date') }} as integer) as tenure_days,
    cycle_days,
    case
        when gaps > 1
            then sqrt(greatest(0, gap_square_sum - cycle_days * gap_sum) / (gaps - 1))
    end as cycle_sd_days,
    amount_mean,
    case
        when frequency > 1
            then sqrt(
                greatest(0, cast(amount_square_sum as double) - amount_mean * amount_sum)
                / (frequency - 1)
            )
    end as amount_sd,
    {{ last_element('purchase_amounts') }} as amount_last,
    cast(amount_max as double) as amount_max,
    cast(orders as integer) as orders,
    cast(items as double) as items,
    cast(distinct_products as integer) as distinct_products,
    cast(past_spend as double) as past_spend,
    cast(returned_amount as double) as returned_amount,
    cast(return_days as integer) as return_days,
    {%- for window in windows %}
    cast(spend_{{ window }}d as double) as spend_{{ window }}d,
    cast(purchases_{{ window }}d as integer) as purchases_{{ window }}d,
    {%- endfor %}
    purchase_days_before,
    purchase_amounts,
    cast(views_30d as integer) as views_30d,
    cast(carts_30d as integer) as carts_30d,
    cast(sessions_30d as integer) as sessions_30d,
    cast(days_since_seen as integer) as days_since_seen,
    cast(reviews as integer) as reviews,
    cast(rating_sum as double) / nullif(reviews, 0) as rating_mean,
    rating_last,
    acquisition_channel,
    {{ formula_value('frequency', 'amount_mean', 'cycle_days') }} as formula_value
from measured
