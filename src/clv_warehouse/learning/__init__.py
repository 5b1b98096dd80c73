"""What every learned model needs, of whatever domain."""
