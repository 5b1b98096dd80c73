-- One row per row of the feed campaign_sends.
{{ staged_feed('campaign_sends', ref('nobody_ids')) }}
