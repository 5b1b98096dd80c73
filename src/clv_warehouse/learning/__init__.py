"""What every learned model needs, in any domain."""
