{{ config(post_hook="{{ warn_of(this) }}") }}
-- One row: the share of spend that is profit, from the sales of the 365 days up to the
-- scoring date. Products whose cost is believed earn what their sales leave after cost;
-- everything else, shipping among it, earns var margin.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

sales as (
    select sum(orders.net_amount) as spend
    from {{ ref('fct_orders') }} as orders
    cross join scoring
    where
        orders.ordered_date <= scoring.as_of_date
        and orders.ordered_date > {{ plus_days('scoring.as_of_date', -365) }}
),

products as (
    select
        sum(case when is_believed then spend else 0 end) as known_spend,
        sum(case when is_believed then cost else 0 end) as known_cost,
        count(case when not is_believed then 1 end) as doubted_products,
        sum(case when is_believed then 0 else spend end) as doubted_spend
    from {{ ref('product_margins') }}
),

totals as (
    select
        cast(coalesce(sales.spend, 0) as decimal(38, 4)) as spend,
        cast(coalesce(products.known_spend, 0) as decimal(38, 4)) as known_spend,
        cast(coalesce(products.known_cost, 0) as decimal(38, 4)) as known_cost,
        products.doubted_products,
        cast(coalesce(products.doubted_spend, 0) as decimal(38, 4)) as doubted_spend
    from sales
    cross join products
),

-- Discounts of whole orders can make the shop's spend less than that of its lines.
shares as (
    select
        *,
        case
            when known_spend > 0
                then
                    cast(known_spend as double)
                    / cast(greatest(known_spend, spend) as double)
            else 0e0
        end as known_share,
        case
            when known_spend > 0
                then 1 - cast(known_cost as double) / cast(known_spend as double)
        end as known_margin,
        cast({{ setting('margin') }} as double) as assumed_margin
    from totals
)

select
    spend,
    known_spend,
    known_cost,
    known_share,
    known_margin,
    assumed_margin,
    known_share * coalesce(known_margin, 0) + (1 - known_share) * assumed_margin as margin,
    doubted_products,
    doubted_spend,
    case
        when doubted_products > 0
            then
                {{ counted('doubted_products', 'product') }}
                || ' with ' || {{ money_text('doubted_spend') }}
                || ' of spend sold for less than their unit_cost (clv.product_margins,'
                || ' not is_believed). Their spend earns var margin until the costs are mended.'
    end as message
from shares
