"""Publishes the tables under contract: DuckDB copy, Parquet, PostgreSQL."""
