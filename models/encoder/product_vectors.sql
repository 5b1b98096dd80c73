-- One row per product and encoder: where it lies among the tastes of customers.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
select
    product_id,
    model,
    encoder_version,
    knows_until,
    vector,
    bias
from {{ ref('product_embeddings') }}
