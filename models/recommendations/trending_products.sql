-- One row per offered product that more customers buy than a month ago, for the shop.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

counted as (
    select
        purchases.product_id,
        count(distinct case
            when {{ days_between('purchases.purchase_date', 'scoring.as_of_date') }} < 28
                then purchases.customer_key
        end) as customers,
        count(distinct case
            when {{ days_between('purchases.purchase_date', 'scoring.as_of_date') }} >= 28
                then purchases.customer_key
        end) as customers_before
    from {{ ref('product_purchases') }} as purchases
    cross join scoring
    where {{ days_between('purchases.purchase_date', 'scoring.as_of_date') }} < 56
    group by purchases.product_id
),

-- If the whole shop sells more, that is no product's trend.
shop as (
    select
        (sum(customers) + 1e0) / (sum(customers_before) + 1e0) as growth
    from counted
),

-- Ten customers are added, so that a second customer is no trend.
expected as (
    select
        counted.product_id,
        counted.customers,
        counted.customers_before,
        counted.customers_before * shop.growth as expected_customers,
        cast({{ rounded(
            '(counted.customers + 10e0) / (counted.customers_before * shop.growth + 10e0)', 9
        ) }} as decimal(18, 9)) as trend
    from counted
    cross join shop
),

ranked as (
    select
        expected.*,
        row_number() over (
            order by expected.trend desc, expected.customers desc, expected.product_id asc
        ) as place
    from expected
    inner join {{ ref('offered_products') }} as offered
        on expected.product_id = offered.product_id
    where
        expected.trend > 1
        and offered.is_offered
        and {{ is_shown_group('expected.customers') }}
        and {{ is_shown_group('expected.customers_before') }}
)

select
    product_id,
    cast(place as integer) as trend_rank,
    cast(customers as bigint) as customers,
    cast(customers_before as bigint) as customers_before,
    expected_customers,
    cast(trend as double) as trend
from ranked
