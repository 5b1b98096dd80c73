-- One row per customer and as-of date by which the customer was seen: what they had
-- looked at by the end of that day.
{{ browsing_features(ref('customer_dates'), ref('customer_visits')) }}
