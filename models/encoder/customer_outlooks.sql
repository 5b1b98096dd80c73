-- One row per customer, outlook, horizon and rank: what they are likely to do next.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
select
    customer_key,
    as_of_date,
    outlook,
    horizon_days,
    rank,
    item,
    chance,
    has_bought,
    said_by,
    encoder_version
from {{ ref('head_scores') }}
