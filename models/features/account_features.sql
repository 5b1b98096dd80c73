-- One row per row of customer_dates: what the customer's account said at the end of that
-- day. Accounts without a date count as opened before anything else that is known.
with accounts as (
    select
        customer_key,
        acquisition_channel,
        coalesce({{ shop_date('signed_up_at') }}, date '1970-01-01') as known_from
    from {{ ref('dim_customers') }}
)

select
    customer_dates.customer_key,
    customer_dates.as_of_date,
    accounts.acquisition_channel
from {{ ref('customer_dates') }} as customer_dates
left join accounts
    on
        customer_dates.customer_key = accounts.customer_key
        and customer_dates.as_of_date >= accounts.known_from
