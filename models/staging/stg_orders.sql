-- One row per row of the feed orders.
{{ staged_feed('orders', ref('nobody_ids')) }}
