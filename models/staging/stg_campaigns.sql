-- One row per row of the feed campaigns.
{{ staged_feed('campaigns') }}
