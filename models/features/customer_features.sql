-- One row per customer and as-of date: what was known of the customer at the end of
-- that day. A part per kind of knowledge; the contract names their columns.
select *
from {{ ref('purchase_features') }}
inner join {{ ref('browsing_features') }} using (customer_key, as_of_date)
inner join {{ ref('review_features') }} using (customer_key, as_of_date)
inner join {{ ref('account_features') }} using (customer_key, as_of_date)
