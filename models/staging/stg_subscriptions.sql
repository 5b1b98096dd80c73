-- One row per row of the feed subscriptions.
{{ staged_feed('subscriptions', ref('nobody_ids')) }}
