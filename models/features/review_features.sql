-- One row per customer and as-of date by which the customer had written a review: what
-- their reviews had said by the end of that day.
{{ review_features(ref('customer_dates'), ref('customer_reviews')) }}
