-- Every raw row is one fact or one rejected record, feed by feed.
with raw_rows as (
    select 'orders' as feed, count(*) as rows_in from {{ ref('stg_orders') }}
    union all
    select 'order_lines', count(*) from {{ ref('stg_order_lines') }}
    union all
    select 'products', count(*) from {{ ref('stg_products') }}
    union all
    select 'customers', count(*) from {{ ref('stg_customers') }}
    union all
    select 'events', count(*) from {{ ref('stg_events') }}
    union all
    select 'reviews', count(*) from {{ ref('stg_reviews') }}
    union all
    select 'refunds', count(*) from {{ ref('stg_refunds') }}
    union all
    select 'marketing_spend', count(*) from {{ ref('stg_marketing_spend') }}
    union all
    select 'campaigns', count(*) from {{ ref('stg_campaigns') }}
    union all
    select 'campaign_sends', count(*) from {{ ref('stg_campaign_sends') }}
    union all
    select 'redemptions', count(*) from {{ ref('stg_redemptions') }}
    union all
    select 'experiments', count(*) from {{ ref('stg_experiments') }}
    union all
    select 'assignments', count(*) from {{ ref('stg_assignments') }}
    union all
    select 'calendar', count(*) from {{ ref('stg_calendar') }}
    union all
    select 'subscriptions', count(*) from {{ ref('stg_subscriptions') }}
    union all
    select 'consents', count(*) from {{ ref('stg_consents') }}
    union all
    select 'product_vectors', count(*) from {{ ref('stg_product_vectors') }}
),

facts as (
    select 'orders' as feed, count(*) as facts from {{ ref('fct_orders') }}
    union all
    select 'order_lines', count(*) from {{ ref('fct_order_lines') }}
    union all
    select 'products', count(*) from {{ ref('dim_products') }}
    where is_in_catalogue
    union all
    select 'customers', count(*) from {{ ref('dim_customers') }}
    where has_account
    union all
    select 'events', count(*) from {{ ref('fct_events') }}
    union all
    select 'reviews', count(*) from {{ ref('fct_reviews') }}
    union all
    select 'refunds', count(*) from {{ ref('fct_refunds') }}
    where source = 'refunds'
    union all
    select 'marketing_spend', count(*) from {{ ref('fct_marketing_spend') }}
    union all
    select 'campaigns', count(*) from {{ ref('dim_campaigns') }}
    union all
    select 'campaign_sends', count(*) from {{ ref('fct_campaign_sends') }}
    union all
    select 'redemptions', count(*) from {{ ref('fct_redemptions') }}
    union all
    select 'experiments', count(*) from {{ ref('dim_experiments') }}
    union all
    select 'assignments', count(*) from {{ ref('fct_assignments') }}
    union all
    select 'calendar', count(*) from {{ ref('dim_calendar') }}
    union all
    select 'subscriptions', count(*) from {{ ref('fct_subscriptions') }}
    union all
    select 'consents', count(*) from {{ ref('fct_consents') }}
    union all
    select 'product_vectors', count(*) from {{ ref('dim_product_vectors') }}
),

rejected as (
    select feed, count(*) as rejected from {{ ref('rejected_records') }}
    group by feed
)

select
    raw_rows.feed,
    raw_rows.rows_in,
    facts.facts,
    coalesce(rejected.rejected, 0) as rejected
from raw_rows
inner join facts on raw_rows.feed = facts.feed
left join rejected on raw_rows.feed = rejected.feed
where raw_rows.rows_in != facts.facts + coalesce(rejected.rejected, 0)
