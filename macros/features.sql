{#
  What was known of customers as of a date, by kind of knowledge. The models of models/features
  say so of what has happened; clv/counterfactual_features.sql of what might have.
#}

{# Of purchases and returns. Histories of one customer differ by a column `scenario`. #}
{% macro purchase_features(dates, days, scenario=none) -%}
    {%- set windows = [30, 90, 180, 365] -%}
    {%- set keys = ['customer_key', scenario, 'as_of_date'] | select | join(', ') -%}
with history as (
    select
        customer_dates.as_of_date,
        days.*,
        least(cast(days.purchase_amount as double), 1e15) as capped_amount,
        {{ days_between('days.activity_date', 'customer_dates.as_of_date') }} as days_before
    from {{ dates }} as customer_dates
    inner join {{ days }} as days
        on
            customer_dates.customer_key = days.customer_key
            {%- if scenario %}
            and customer_dates.{{ scenario }} = days.{{ scenario }}
            {%- endif %}
            and customer_dates.as_of_date >= days.activity_date
),

-- We sum exact numbers only, so the sums are the same in any order. Squares are rounded
-- to four decimals, and days above 10^15 count as 10^15 in them: the sum of 10,000 such
-- squares, 10^34, is the largest that decimal(38, 4) holds.
totals as (
    select
        {{ keys }},
        min(case when is_purchase then activity_date end) as first_purchase_date,
        max(case when is_purchase then activity_date end) as last_purchase_date,
        count(case when is_purchase then 1 end) as frequency,
        count(gap_days) as gaps,
        max_by(gap_days, case when is_purchase then activity_date end) as last_gap_days,
        sum(gap_days) as gap_sum,
        sum(cast(gap_days as bigint) * gap_days) as gap_square_sum,
        sum(case when is_purchase then purchase_amount end) as amount_sum,
        sum(
            case
                when is_purchase
                    then
                        cast(
                            {{ rounded('capped_amount * capped_amount', 4) }}
                            as decimal(38, 4)
                        )
            end
        ) as amount_square_sum,
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
    group by {{ keys }}
),

means as (
    select
        *,
        cast(amount_sum as double) / frequency as amount_mean,
        cast(gap_sum as double) / gaps as cycle_days
    from totals
)

select
    {{ keys }},
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
    last_gap_days,
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
    {{ formula_value('frequency', 'amount_mean', 'cycle_days') }} as formula_value
from means
{%- endmacro %}

{# Of browsing. #}
{% macro browsing_features(dates, visits) -%}
with seen_days as (
    select
        customer_dates.customer_key,
        customer_dates.as_of_date,
        visits.views,
        visits.carts,
        visits.sessions,
        {{ days_between('visits.activity_date', 'customer_dates.as_of_date') }} as days_before
    from {{ dates }} as customer_dates
    inner join {{ visits }} as visits
        on
            customer_dates.customer_key = visits.customer_key
            and customer_dates.as_of_date >= visits.activity_date
)

select
    customer_key,
    as_of_date,
    cast(sum(case when days_before < 30 then views else 0 end) as integer) as views_30d,
    cast(sum(case when days_before < 30 then carts else 0 end) as integer) as carts_30d,
    cast(sum(case when days_before < 30 then sessions else 0 end) as integer)
        as sessions_30d,
    cast(min(days_before) as integer) as days_since_seen
from seen_days
group by customer_key, as_of_date
{%- endmacro %}

{# Of reviews. #}
{% macro review_features(dates, reviews) -%}
select
    customer_dates.customer_key,
    customer_dates.as_of_date,
    cast(sum(review_days.reviews) as integer) as reviews,
    cast(sum(review_days.rating_sum) as double) / sum(review_days.reviews) as rating_mean,
    max_by(review_days.rating_last, review_days.activity_date) as rating_last
from {{ dates }} as customer_dates
inner join {{ reviews }} as review_days
    on
        customer_dates.customer_key = review_days.customer_key
        and customer_dates.as_of_date >= review_days.activity_date
group by customer_dates.customer_key, customer_dates.as_of_date
{%- endmacro %}

{# Of contacts by campaigns. #}
{% macro contact_features(dates, contacts) -%}
with contact_days as (
    select
        customer_dates.customer_key,
        customer_dates.as_of_date,
        contacts.contacts,
        {{ days_between('contacts.activity_date', 'customer_dates.as_of_date') }} as days_before
    from {{ dates }} as customer_dates
    inner join {{ contacts }} as contacts
        on
            customer_dates.customer_key = contacts.customer_key
            and customer_dates.as_of_date >= contacts.activity_date
)

select
    customer_key,
    as_of_date,
    cast(sum(case when days_before < 30 then contacts else 0 end) as integer) as contacts_30d,
    cast(sum(case when days_before < 90 then contacts else 0 end) as integer) as contacts_90d,
    cast(min(days_before) as integer) as days_since_contact
from contact_days
group by customer_key, as_of_date
{%- endmacro %}

{# Of all kinds. #}
{% macro customer_features(purchases, browsing, reviews, accounts, contacts) -%}
select
    purchases.*,
    coalesce(browsing.views_30d, 0) as views_30d,
    coalesce(browsing.carts_30d, 0) as carts_30d,
    coalesce(browsing.sessions_30d, 0) as sessions_30d,
    browsing.days_since_seen,
    coalesce(reviews.reviews, 0) as reviews,
    reviews.rating_mean,
    reviews.rating_last,
    accounts.acquisition_channel,
    coalesce(contacts.contacts_30d, 0) as contacts_30d,
    coalesce(contacts.contacts_90d, 0) as contacts_90d,
    contacts.days_since_contact
from {{ purchases }} as purchases
left join {{ browsing }} as browsing
    on
        purchases.customer_key = browsing.customer_key
        and purchases.as_of_date = browsing.as_of_date
left join {{ reviews }} as reviews
    on
        purchases.customer_key = reviews.customer_key
        and purchases.as_of_date = reviews.as_of_date
left join {{ accounts }} as accounts
    on
        purchases.customer_key = accounts.customer_key
        and purchases.as_of_date >= accounts.known_from
left join {{ contacts }} as contacts
    on
        purchases.customer_key = contacts.customer_key
        and purchases.as_of_date = contacts.as_of_date
{%- endmacro %}
