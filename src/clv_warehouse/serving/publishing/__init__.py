"""Publishing the tables under contract: to a DuckDB copy, Parquet and PostgreSQL."""
