-- One row per customer and as-of date: what was known of the customer at the end of
-- that day. A part per kind of knowledge. Every known customer has purchases; the other
-- parts have no row of customers of whom they know nothing, and these count as 0.
{{ customer_features(
    ref('purchase_features'),
    ref('browsing_features'),
    ref('review_features'),
    ref('account_features'),
    ref('contact_features'),
) }}
