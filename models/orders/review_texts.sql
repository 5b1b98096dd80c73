{{ config(materialized="view") }}
-- One row per product review with what was written. It is published nowhere: what people
-- write in a review names others, and places, which no mask finds.
select
    review_id,
    customer_key,
    rating,
    title,
    body,
    written_at,
    {{ shop_date('written_at') }} as written_date
from {{ ref('checked_reviews') }}
where rejection_reason is null
