"""A shop's raw data in: read, checked, and put into schema raw."""
