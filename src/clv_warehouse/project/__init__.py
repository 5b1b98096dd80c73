"""What the project says of itself: where things are, contracts, metrics, settings."""
