-- One row per row of the feed redemptions.
{{ staged_feed('redemptions', ref('nobody_ids')) }}
