-- One row per customer with an account: what it says, and from which day on. Accounts
-- without a date count as opened before anything else that is known.
select
    customer_key,
    acquisition_channel,
    coalesce({{ shop_date('signed_up_at') }}, date '1970-01-01') as known_from
from {{ ref('dim_customers') }}
