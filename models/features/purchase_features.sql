-- One row per row of customer_dates: what was known of the customer's purchases and
-- returns at the end of that day.
{%- set windows = [30, 90, 180, 365] %}
with history as (
    select
        customer_dates.as_of_date,
        days.*,
        least(cast(days.purchase_amount as double), 1e15) as capped_amount,
        {{ days_between('days.activity_date', 'customer_dates.as_of_date') }} as days_before
    from {{ ref('customer_dates') }} as customer_dates
    inner join {{ ref('customer_days') }} as days
        on
            customer_dates.customer_key = days.customer_key
            and customer_dates.as_of_date >= days.activity_date
),

-- We sum exact numbers only, so the sums are the same in any order. Squares are rounded
-- to four decimals, and days above 10^15 count as 10^15 in them: the sum of 10,000 such
-- squares, 10^34, is the largest that decimal(38, 4) holds.
totals as (
    select
        customer_key,
        as_of_date,
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
    group by customer_key, as_of_date
),

means as (
    select
        *,
        cast(amount_sum as double) / frequency as amount_mean,
        cast(gap_sum as double) / gaps as cycle_days
    from totals
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
