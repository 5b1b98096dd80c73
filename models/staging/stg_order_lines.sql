-- One row per row of the feed order_lines.
{{ staged_feed('order_lines') }}
