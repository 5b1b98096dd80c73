-- One row per customer and as-of date by which a campaign had reached the customer: how
-- often it had by the end of that day.
{{ contact_features(ref('customer_dates'), ref('customer_contacts')) }}
