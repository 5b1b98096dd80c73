"""Which products to recommend to whom, and how well that would have gone."""
