-- One row per feed: how many of its rows became facts and how many were rejected.
with rejected as (
    select
        feed,
        count(*) as rejected
    from {{ ref('rejected_records') }}
    group by feed
),

facts as (
    select
        1 as position,
        'orders' as feed,
        count(*) as facts
    from {{ ref('fct_orders') }}
    union all
    select
        2 as position,
        'order_lines' as feed,
        count(*) as facts
    from {{ ref('fct_order_lines') }}
    union all
    select
        3 as position,
        'products' as feed,
        count(case when is_in_catalogue then 1 end) as facts
    from {{ ref('dim_products') }}
    union all
    select
        4 as position,
        'customers' as feed,
        count(case when has_account then 1 end) as facts
    from {{ ref('dim_customers') }}
    union all
    select
        5 as position,
        'events' as feed,
        count(*) as facts
    from {{ ref('fct_events') }}
    union all
    select
        6 as position,
        'reviews' as feed,
        count(*) as facts
    from {{ ref('fct_reviews') }}
    union all
    select
        7 as position,
        'refunds' as feed,
        count(*) as facts
    from {{ ref('fct_refunds') }}
    where source = 'refunds'
),

feeds as (
    select
        facts.feed,
        facts.position,
        facts.facts,
        coalesce(rejected.rejected, 0) as rejected
    from facts
    left join rejected on facts.feed = rejected.feed
)

select * from feeds
