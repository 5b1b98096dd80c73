-- One row per customer and as-of date by which a campaign had reached the customer: how
-- often it had by the end of that day.
with contact_days as (
    select
        customer_dates.customer_key,
        customer_dates.as_of_date,
        contacts.contacts,
        {{ days_between('contacts.activity_date', 'customer_dates.as_of_date') }} as days_before
    from {{ ref('customer_dates') }} as customer_dates
    inner join {{ ref('customer_contacts') }} as contacts
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
