-- One row per row of the feed products.
{{ staged_feed('products') }}
