"""Writes the serving copy: a DuckDB file of the published tables and nothing else."""

import os
import re
import time
from pathlib import Path

import duckdb

from clv_warehouse.project.contracts import PublishError, Table
from clv_warehouse.project.report import Report
from clv_warehouse.project.sql import first_line, literal, quoted

# DuckDB 1.4 and later read this version; drivers of BI tools bring no older one.
STORAGE_VERSION = "v1.4.0"
SECONDS_BETWEEN_TRIES = 0.2


def write_serving_copy(
    warehouse: Path,
    tables: tuple[Table, ...],
    path: Path,
    wait_seconds: float,
    report: Report,
) -> None:
    """Write the tables of `warehouse`, with comments, to a new DuckDB file.

    It holds the warehouse open for reading while it copies, which keeps builds out.
    Raises PublishError if the warehouse lacks a table, or if somebody still writes to
    it after `wait_seconds`.
    """
    with duckdb.connect() as connection:
        # DuckDB puts beside the copy what does not fit into memory.
        spill = path.with_suffix(".spill")
        connection.execute(f"set temp_directory = {literal(str(spill))}")
        if limit := os.environ.get("CLV_MEMORY_LIMIT"):
            connection.execute(f"set memory_limit = {literal(limit)}")
        source = _attach(connection, warehouse, wait_seconds)
        _require_tables(connection, source, warehouse, tables)
        try:
            connection.execute(
                f"attach {literal(str(path))} as serving_copy "
                f"(storage_version {literal(STORAGE_VERSION)})"
            )
            for table in tables:
                rows = _copy(connection, source, table)
                report(f"{table.full_name}: {rows:,} rows")
            # Detaching closes the file and merges its log into it.
            connection.execute("detach serving_copy")
        except duckdb.Error as error:
            raise PublishError(
                f"{path.name} cannot be written, and what was published stays: "
                f"{first_line(error)}"
            ) from error
    # A tool that opened it for writing would lock all others out.
    path.chmod(0o444)


def _attach(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, wait_seconds: float
) -> str:
    """Attach the warehouse under the name that its views use; return that name."""
    if not warehouse.exists():
        raise PublishError(f"No warehouse {warehouse}. Build it first: dbt build.")
    name = warehouse.stem
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection.execute(
                f"attach {literal(str(warehouse))} as {quoted(name)} (read_only)"
            )
            return name
        except duckdb.Error as error:
            if "Conflicting lock" not in str(error):
                raise PublishError(
                    f"The warehouse {warehouse} cannot be read: {first_line(error)}"
                ) from error
            if time.monotonic() >= deadline:
                holder = re.search(r"held in (.+? \(PID \d+\))", str(error))
                who = holder[1] if holder else "another program"
                raise PublishError(
                    f"The warehouse {warehouse} is being written to by {who}, as by a "
                    "build. Publish when that has ended, or give --wait SECONDS."
                ) from error
            time.sleep(SECONDS_BETWEEN_TRIES)


def _require_tables(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    warehouse: Path,
    tables: tuple[Table, ...],
) -> None:
    """Raise PublishError unless every column of every table is there."""
    there = set(
        connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "where database_name = ?",
            [source],
        ).fetchall()
    )
    for table in tables:
        missing = [
            column.name
            for column in table.columns
            if (table.schema, table.name, column.name) not in there
        ]
        if missing:
            what = (
                f"columns {', '.join(missing)} of"
                if len(missing) < len(table.columns)
                else "table"
            )
            raise PublishError(
                f"The warehouse {warehouse} lacks {what} {table.full_name}, which the "
                "project has under contract. Build it: dbt build."
            )


def _copy(connection: duckdb.DuckDBPyConnection, source: str, table: Table) -> int:
    target = f"serving_copy.{table.sql}"
    columns = ", ".join(quoted(column.name) for column in table.columns)
    # Rows are sorted, so queries by time or key skip most of a large table.
    order = ", ".join(map(quoted, table.order))
    connection.execute(
        f"create schema if not exists serving_copy.{quoted(table.schema)}"
    )
    ((rows,),) = connection.execute(
        f"create table {target} as select {columns} from {quoted(source)}.{table.sql}"
        + (f" order by {order}" if order else "")
    ).fetchall()
    connection.execute(f"comment on table {target} is {literal(table.description)}")
    for column in table.columns:
        connection.execute(
            f"comment on column {target}.{quoted(column.name)} "
            f"is {literal(column.description)}"
        )
    return int(rows)
