-- One row per row of the feed experiments.
{{ staged_feed('experiments') }}
