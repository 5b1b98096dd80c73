-- The value until the longest horizon lies between the margin of all predicted spend if it
-- came today, and the same if it came at the end of the longest horizon; a cent allows for
-- rounding.
with horizon as (
    select
        max(shop_margin.margin) as worth_today,
        max(shop_margin.margin)
        / power(1 + {{ setting('discount_rate') }}, max(predictions.horizon_days) / 365)
            as worth_at_end
    from {{ ref('clv_predictions') }} as predictions
    cross join {{ ref('shop_margin') }} as shop_margin
    where predictions.is_longest_horizon
)

select
    customers.customer_key,
    customers.predicted_spend,
    customers.horizon_value
from {{ ref('customer_lifetime_value') }} as customers
cross join horizon
where
    customers.horizon_value
    < customers.predicted_spend * least(worth_today, worth_at_end) - 0.01
    or customers.horizon_value
    > customers.predicted_spend * greatest(worth_today, worth_at_end) + 0.01
