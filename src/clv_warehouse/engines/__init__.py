"""The border to the engines that hold the rows: DuckDB and Spark."""
