-- One row per customer at the scoring date: what their first order says of them.
with scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

orders as (
    select
        orders.order_id,
        orders.customer_key,
        orders.ordered_date,
        orders.utm_source,
        lower(orders.utm_campaign) as campaign_word,
        orders.sales_channel,
        orders.coupon_code,
        orders.tags
    from {{ ref('fct_orders') }} as orders
    inner join scoring on orders.ordered_date <= scoring.as_of_date
    where orders.is_first_order
),

-- The product that took most of the money of the first day.
first_amounts as (
    select
        lines.customer_key,
        lines.product_id,
        sum(lines.amount) as amount
    from {{ ref('fct_order_lines') }} as lines
    inner join orders
        on
            lines.customer_key = orders.customer_key
            and lines.ordered_date = orders.ordered_date
    where lines.is_sale and lines.product_id is not null and lines.quantity > 0
    group by
        lines.customer_key,
        lines.product_id
),

first_products as (
    select
        customer_key,
        product_id,
        row_number() over (
            partition by customer_key
            order by amount desc, product_id asc
        ) as place
    from first_amounts
),

spent as (
    select distinct
        channel,
        campaign_id
    from {{ ref('fct_marketing_spend') }}
),

-- What the address of a visit may call a campaign: its id or its name, by the feeds
-- marketing_spend and campaigns. Where a word stands for several, the one with spend counts,
-- and of these the first in order.
words as (
    select
        lower(campaign_id) as campaign_word,
        campaign_id,
        channel
    from spent
    where campaign_id is not null
    union all
    select
        lower(campaigns.campaign_name) as campaign_word,
        campaigns.campaign_id,
        spent.channel
    from {{ ref('dim_campaigns') }} as campaigns
    left join spent on campaigns.campaign_id = spent.campaign_id
    union all
    select
        lower(campaigns.campaign_id) as campaign_word,
        campaigns.campaign_id,
        spent.channel
    from {{ ref('dim_campaigns') }} as campaigns
    left join spent on campaigns.campaign_id = spent.campaign_id
),

placed_words as (
    select
        *,
        row_number() over (
            partition by campaign_word
            order by channel asc nulls last, campaign_id asc
        ) as place
    from words
    where campaign_word is not null
),

channels as (
    select distinct channel from spent
)

-- A customer counts for the channel whose money won them, so that customers and costs meet.
select
    orders.customer_key,
    orders.order_id,
    orders.ordered_date as first_order_date,
    days.purchase_amount as first_amount,
    days.net_amount as first_net_amount,
    coalesce(
        placed_words.channel,
        nullif(lower(customers.acquisition_channel), 'unknown'),
        channels.channel,
        'unknown'
    ) as acquisition_channel,
    placed_words.campaign_id,
    coalesce(customers.country, 'unknown') as country,
    coalesce(products.category, 'unknown') as first_category,
    coalesce(first_products.product_id, 'unknown') as first_product,
    orders.sales_channel,
    orders.coupon_code,
    orders.tags
from orders
inner join {{ ref('customer_days') }} as days
    on orders.customer_key = days.customer_key and days.is_first_purchase
left join {{ ref('dim_customers') }} as customers
    on orders.customer_key = customers.customer_key
left join first_products
    on orders.customer_key = first_products.customer_key and first_products.place = 1
left join {{ ref('dim_products') }} as products
    on first_products.product_id = products.product_id
left join placed_words
    on orders.campaign_word = placed_words.campaign_word and placed_words.place = 1
left join channels on orders.utm_source = channels.channel
