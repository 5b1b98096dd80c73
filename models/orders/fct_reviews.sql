{{ config(materialized="view") }}
-- One row per product review.
select
    review_id,
    order_id,
    customer_key,
    product_id,
    rating,
    title,
    body,
    written_at,
    cast(written_at as date) as written_date
from {{ ref('checked_reviews') }}
where rejection_reason is null
