"""Writes the published tables as Parquet: SCHEMA/TABLE/YEAR.parquet, or all.parquet."""

from pathlib import Path

import duckdb

from clv_warehouse.project.contracts import PublishError, Table
from clv_warehouse.project.problems import in_words
from clv_warehouse.project.sql import literal, quoted


def write_parquet(serving: Path, tables: tuple[Table, ...], folder: Path) -> None:
    """Write the tables of a serving copy below `folder`, rows in the same order.

    A table with a time column gets a file for each year and one for rows without a
    time; any other table gets one file. Files have exactly the table's columns, so
    TABLE/* is the table. Raises PublishError if that cannot be done.
    """
    with duckdb.connect(serving, read_only=True) as connection:
        connection.execute(f"set temp_directory = {literal(str(folder / '.spill'))}")
        for table in tables:
            target = folder / table.schema / table.name
            target.mkdir(parents=True)
            for name, condition in _parts(connection, table):
                file = target / f"{name}.parquet"
                try:
                    connection.execute(
                        f"copy (select * from {table.sql} where {condition}) "
                        f"to {literal(str(file))} (format parquet, compression zstd)"
                    )
                except duckdb.Error as error:
                    raise PublishError(
                        f"{table.full_name} cannot be written as Parquet, and what was "
                        f"published stays: {in_words(error, target)}"
                    ) from error
                # As the serving copy: a reader cannot change it.
                file.chmod(0o444)


def _parts(
    connection: duckdb.DuckDBPyConnection, table: Table
) -> list[tuple[str, str]]:
    """Return the file names of a table, each with the SQL condition of its rows."""
    if table.time_column is None:
        return [("all", "true")]
    time = quoted(table.time_column)
    years = connection.execute(
        f"select distinct year({time}) as year from {table.sql} order by year"
    ).fetchall()
    if not years:
        return [("all", "true")]
    parts = []
    for (year,) in years:
        if year is None:
            parts.append(("undated", f"{time} is null"))
        else:
            since, until = (f"make_date({each}, 1, 1)" for each in (year, year + 1))
            parts.append((f"{year:04}", f"{time} >= {since} and {time} < {until}"))
    return parts
