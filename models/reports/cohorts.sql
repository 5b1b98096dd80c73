-- One row per month of first purchase, months since, country and channel: how many
-- customers bought in that month and what they spent. The table does not part them by
-- segment, because a customer's segment follows from these same purchases.
{%- set most_months = 24 %}
with shop as (
    select * from {{ ref('shop') }}
),

profiles as (
    select * from {{ ref('customer_profiles') }}
),

customer_groups as (
    select * from {{ ref('customer_groups') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

newest_months as (
    select distinct first_purchase_month
    from profiles
    order by first_purchase_month desc
    limit {{ most_months }}
),

customers as (
    select
        profiles.customer_key,
        profiles.first_purchase_month,
        customer_groups.country,
        customer_groups.acquisition_channel
    from profiles
    inner join newest_months
        on profiles.first_purchase_month = newest_months.first_purchase_month
    inner join customer_groups on profiles.customer_key = customer_groups.customer_key
),

sizes as (
    select
        first_purchase_month,
        country,
        acquisition_channel,
        count(*) as customers
    from customers
    group by first_purchase_month, country, acquisition_channel
),

ages as (
    {%- for months in range(most_months) %}
    select {{ months }} as months_since
    {%- if not loop.last %} union all {%- endif %}
    {%- endfor %}
),

-- A month without a purchase is a row too, so that sums over cohorts count everybody.
cells as (
    select
        sizes.first_purchase_month,
        ages.months_since,
        sizes.country,
        sizes.acquisition_channel,
        sizes.customers
    from sizes
    cross join ages
    cross join shop
    where
        ages.months_since
        <= {{ months_between('sizes.first_purchase_month', 'shop.as_of_date') }}
),

customer_months as (
    select
        customers.customer_key,
        customers.first_purchase_month,
        {{ months_between('customers.first_purchase_month', 'orders.ordered_date') }}
            as months_since,
        customers.country,
        customers.acquisition_channel,
        sum(orders.net_amount) as revenue,
        -- Who bought and sent all of it back later has bought, as in customer_days.
        max(
            case
                when orders.is_sale and orders.sold_amount > orders.undone_amount then 1
                else 0
            end
        ) as has_bought
    from orders
    inner join customers on orders.customer_key = customers.customer_key
    inner join shop on orders.ordered_date <= shop.as_of_date
    group by
        customers.customer_key,
        customers.first_purchase_month,
        {{ months_between('customers.first_purchase_month', 'orders.ordered_date') }},
        customers.country,
        customers.acquisition_channel
),

activity as (
    select
        first_purchase_month,
        months_since,
        country,
        acquisition_channel,
        sum(has_bought) as buyers,
        sum(revenue) as revenue
    from customer_months
    group by first_purchase_month, months_since, country, acquisition_channel
),

cohorts as (
    select
        cells.first_purchase_month,
        cast(cells.months_since as integer) as months_since,
        cells.country,
        cells.acquisition_channel,
        cells.months_since
        < {{ months_between('cells.first_purchase_month', plus_days('shop.as_of_date', 1)) }}
            as is_over,
        cells.customers,
        cast(coalesce(activity.buyers, 0) as bigint) as buyers,
        cast(coalesce(activity.revenue, 0) as decimal(38, 4)) as revenue
    from cells
    cross join shop
    left join activity
        on
            cells.first_purchase_month = activity.first_purchase_month
            and cells.months_since = activity.months_since
            and cells.country = activity.country
            and cells.acquisition_channel = activity.acquisition_channel
)

select * from cohorts
where {{ is_shown_group('customers') }}
