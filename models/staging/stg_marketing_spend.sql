-- One row per row of the feed marketing_spend.
{{ staged_feed('marketing_spend') }}
