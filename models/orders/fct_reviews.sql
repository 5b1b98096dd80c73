{{ config(materialized="view") }}
-- One row per product review, without its words: review_texts has those.
select
    review_id,
    order_id,
    customer_key,
    product_id,
    rating,
    written_at,
    {{ shop_date('written_at') }} as written_date
from {{ ref('checked_reviews') }}
where rejection_reason is null
