-- Of each kind the segments hold all customers and their money, and who is in a segment now
-- is who was in it, less who left, and who came.
{{ config(enabled=setting('smallest_group') == 1) }}
with shop as (
    select
        count(*) as customers,
        sum(orders) as orders,
        sum(past_spend) as past_spend,
        sum(predicted_spend) as predicted_spend,
        sum(lifetime_value) as lifetime_value
    from {{ ref('customer_profiles') }}
),

kinds as (
    select
        segment_kind,
        sum(customers) as customers,
        sum(orders) as orders,
        sum(past_spend) as past_spend,
        sum(predicted_spend) as predicted_spend,
        sum(lifetime_value) as lifetime_value,
        count(case when customers <> customers_before - left_it + came then 1 end) as wrong
    from {{ ref('segment_profiles') }}
    group by segment_kind
)

select kinds.*
from kinds
inner join shop
    on
        kinds.wrong > 0
        or kinds.customers <> shop.customers
        or kinds.orders <> shop.orders
        or kinds.past_spend <> shop.past_spend
        or kinds.predicted_spend <> shop.predicted_spend
        or kinds.lifetime_value <> shop.lifetime_value
