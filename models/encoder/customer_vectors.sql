-- One row per customer and date: what the encoder knows of them, as vectors.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
select
    customer_key,
    as_of_date,
    model,
    encoder_version,
    knows_until,
    vector,
    taste,
    chance_28d,
    chance_91d
from {{ ref('customer_embeddings') }}
