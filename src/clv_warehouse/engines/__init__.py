"""What the library needs of the engines that hold the rows, DuckDB and Spark."""
