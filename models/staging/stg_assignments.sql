-- One row per row of the feed assignments.
{{ staged_feed('assignments', ref('nobody_ids')) }}
