-- One row per row of the feed reviews.
{{ staged_feed('reviews', ref('nobody_ids')) }}
