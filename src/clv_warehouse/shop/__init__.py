"""A shop that never was: its process is known, and so is what its customers do next."""
