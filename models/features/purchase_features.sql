-- One row per row of customer_dates: what was known of the customer's purchases and
-- returns at the end of that day.
{{ purchase_features(ref('customer_dates'), ref('customer_days')) }}
