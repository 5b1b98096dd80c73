-- One row per row of the feed consents.
{{ staged_feed('consents', ref('nobody_ids')) }}
