"""Reads a shop's raw data, checks it and writes it into schema raw."""
