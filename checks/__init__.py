"""Proofs that people run by hand, beside the tests: `python -m checks.NAME --help`."""
