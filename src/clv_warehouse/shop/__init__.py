"""Makes up a shop of any size whose customers' true expected spend is known."""
