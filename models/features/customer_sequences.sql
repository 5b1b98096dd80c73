-- One row per customer: the days of customer_events, in order. A view, for the encoder
-- reads customers whole and batch by batch.
{{ config(materialized='view' if target.type == 'duckdb' else 'table') }}
select
    customer_key,
    {{ rows_in_order(
        [
            'activity_date', 'is_purchase', 'amount', 'returned_amount', 'views', 'carts',
            'searches', 'reviews', 'rating', 'contacts', 'product_ids', 'viewed_product_ids',
        ],
        'activity_date'
    ) }} as days
from {{ ref('customer_events') }}
group by customer_key
