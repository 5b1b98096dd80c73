-- Every raw row is one fact or one rejected record, feed by feed.
{%- set feeds = [
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
with counted as (
    {%- for feed, model, condition in feeds %}
    select
        '{{ feed }}' as feed,
        {{ raw_rows(feed) }} as rows_in,
        count(*) as facts
    from {{ ref(model) }}
    {% if condition %}where {{ condition }}{% endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

rejected as (
    select
        feed,
        count(*) as rejected
    from {{ ref('rejected_records') }}
    group by feed
)

select
    counted.feed,
    counted.rows_in,
    counted.facts,
    coalesce(rejected.rejected, 0) as rejected
from counted
left join rejected on counted.feed = rejected.feed
where counted.rows_in != counted.facts + coalesce(rejected.rejected, 0)
