-- Exactly the customers who came within active_days have no previous segment.
select
    customer_key,
    first_purchase_date,
    previous_segment
from {{ ref('customer_profiles') }}
where
    (previous_segment is null)
    <> ({{ days_between('first_purchase_date', 'as_of_date') }} < {{ setting('active_days') }})
