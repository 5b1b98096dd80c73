-- One row per customer that has an account, an order, or both.
with accounts as (
    select * from {{ ref('checked_customers') }}
    where rejection_reason is null
),

buyers as (
    select distinct customer_key
    from {{ ref('fct_orders') }}
    where customer_key is not null
),

country_spellings as (
    select
        country,
        row_number() over (
            partition by lower(country) order by count(*) desc, country asc
        ) as place
    from accounts
    where country is not null
    group by country
),

countries as (
    select country from country_spellings
    where place = 1
)

select
    coalesce(accounts.customer_key, buyers.customer_key) as customer_key,
    countries.country,
    accounts.acquisition_channel,
    accounts.signed_up_at,
    accounts.customer_key is not null as has_account,
    buyers.customer_key is not null as has_order
from accounts
full outer join buyers on accounts.customer_key = buyers.customer_key
left join countries on lower(accounts.country) = lower(countries.country)
