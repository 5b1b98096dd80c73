-- What the shop earned from a customer month by month is the customer's historic value, and
-- what they spent month by month is their spend, to the cent.
with months as (
    select
        customer_key,
        sum(net_sales) as net_sales,
        sum(margin_amount) as margin_amount
    from {{ ref('customer_months') }}
    group by customer_key
)

select
    profiles.customer_key,
    profiles.past_spend,
    months.net_sales,
    profiles.historic_value,
    months.margin_amount
from {{ ref('customer_profiles') }} as profiles
left join months on profiles.customer_key = months.customer_key
where
    abs(profiles.past_spend - coalesce(months.net_sales, 0)) > 0.01
    or abs(profiles.historic_value - coalesce(months.margin_amount, 0)) > 0.02
