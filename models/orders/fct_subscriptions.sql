{{ config(materialized="view") }}
-- One row per subscription of a customer.
select
    subscription_id,
    customer_key,
    plan,
    amount,
    currency,
    started_at,
    {{ shop_date('started_at') }} as started_date,
    renewal_days,
    renewal_months,
    ended_at,
    {{ shop_date('ended_at') }} as ended_date
from {{ ref('checked_subscriptions') }}
where rejection_reason is null
