"""Measures the project: `python -m benchmarks NAME`, or `make benchmark-NAME`."""
