-- One row per new customer up to the scoring date: through which channel and campaign the
-- customer was won, by the rule of first_orders.
select
    customer_key,
    order_id,
    first_order_date,
    cast(date_trunc('month', first_order_date) as date) as first_month,
    acquisition_channel as channel,
    campaign_id,
    country
from {{ ref('first_orders') }}
