-- One row per feed and column that shop.yml knows: in how many rows it is filled.
-- A table, so that its tests do not read the raw feeds again.
{{ config(materialized="table") }}
{{ filled_columns([
    'orders', 'order_lines', 'products', 'customers', 'events', 'reviews', 'refunds',
    'marketing_spend', 'campaigns', 'campaign_sends', 'redemptions', 'experiments',
    'assignments', 'calendar', 'subscriptions', 'consents', 'product_vectors',
]) }}
