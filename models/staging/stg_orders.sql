-- One row per row of the feed orders.
{{ staged_feed('orders') }}
