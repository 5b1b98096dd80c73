-- One row per new customer up to the scoring date: through which channel and campaign the
-- customer was won, by names that the feed marketing_spend uses where it can.
with customers as (
    select * from {{ ref('first_orders') }}
),

first_orders as (
    select
        order_id,
        customer_key,
        utm_source,
        lower(utm_campaign) as campaign_word
    from {{ ref('fct_orders') }}
    where is_first_order
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

placed as (
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

select
    customers.customer_key,
    first_orders.order_id,
    customers.first_order_date,
    cast(date_trunc('month', customers.first_order_date) as date) as first_month,
    coalesce(
        placed.channel,
        nullif(lower(customers.acquisition_channel), 'unknown'),
        channels.channel,
        'unknown'
    ) as channel,
    placed.campaign_id,
    customers.country
from customers
inner join first_orders on customers.customer_key = first_orders.customer_key
left join placed
    on first_orders.campaign_word = placed.campaign_word and placed.place = 1
left join channels on first_orders.utm_source = channels.channel
