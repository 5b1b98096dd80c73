"""What the project says about itself: places, contracts, metrics, settings."""
