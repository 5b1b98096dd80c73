-- One row per row of the feed product_vectors.
{{ staged_feed('product_vectors') }}
