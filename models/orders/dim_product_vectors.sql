-- One row per product and source of numbers about it.
select
    product_id,
    source,
    {{ numbers_in('vector') }} as vector
from {{ ref('checked_product_vectors') }}
where rejection_reason is null
