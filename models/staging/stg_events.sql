-- One row per row of the feed events.
{{ staged_feed('events', ref('nobody_ids')) }}
