"""Spark as an engine, for those who install it."""
