-- One row per row of the feed calendar.
{{ staged_feed('calendar') }}
