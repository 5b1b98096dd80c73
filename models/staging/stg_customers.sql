-- One row per row of the feed customers.
{{ staged_feed('customers', ref('nobody_ids')) }}
