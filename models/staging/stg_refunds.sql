-- One row per row of the feed refunds.
{{ staged_feed('refunds') }}
