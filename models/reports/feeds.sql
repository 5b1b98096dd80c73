-- One row per feed: how many of its rows became facts and how many were rejected.
{%- set facts = [
    ('orders', 'fct_orders', ''),
    ('order_lines', 'fct_order_lines', ''),
    ('products', 'dim_products', 'is_in_catalogue'),
    ('customers', 'dim_customers', 'has_account'),
    ('events', 'fct_events', ''),
    ('reviews', 'fct_reviews', ''),
    ('refunds', 'fct_refunds', "source = 'refunds'"),
    ('marketing_spend', 'fct_marketing_spend', ''),
    ('campaigns', 'dim_campaigns', ''),
    ('campaign_sends', 'fct_campaign_sends', ''),
    ('redemptions', 'fct_redemptions', ''),
    ('experiments', 'dim_experiments', ''),
    ('assignments', 'fct_assignments', ''),
    ('calendar', 'dim_calendar', ''),
    ('subscriptions', 'fct_subscriptions', ''),
    ('consents', 'fct_consents', ''),
    ('product_vectors', 'dim_product_vectors', ''),
] %}
with rejected as (
    select
        feed,
        count(*) as rejected
    from {{ ref('rejected_records') }}
    group by feed
),

facts as (
    {%- for feed, model, condition in facts %}
    select
        {{ loop.index }} as position,
        '{{ feed }}' as feed,
        count(*) as facts
    from {{ ref(model) }}
    {% if condition %}where {{ condition }}{% endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
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
