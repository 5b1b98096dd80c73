"""Writes the serving copy: a DuckDB file of the published tables and nothing else."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import duckdb

from clv_warehouse.project.builds import Build, complete_build
from clv_warehouse.project.contracts import Column, PublishError, Table
from clv_warehouse.project.opening import attach, catalog_of, memory_limit, trusted
from clv_warehouse.project.problems import in_words
from clv_warehouse.project.report import Report
from clv_warehouse.project.sql import literal, quoted

# DuckDB 1.4 and later read this version; drivers of BI tools bring no older one.
STORAGE_VERSION = "v1.4.0"
# Every form has it. Where two forms differ in it, a publication was cut short between
# them; the next one mends that.
PUBLICATION = Table(
    "monitoring",
    "publication",
    "One row: the build that these published tables are of, and when they were copied.",
    (
        Column("build_id", "varchar", "The build; see monitoring.builds."),
        Column("built_at", "timestamp", "When the build ended, UTC."),
        Column("published_at", "timestamp", "When the tables were copied, UTC."),
        Column(
            "is_complete",
            "boolean",
            "Whether they are one complete, tested build. If not, publish.py --force "
            "published them, and they may disagree.",
        ),
        Column("why_incomplete", "varchar", "Why they are not; null if they are."),
    ),
    (),
)


def write_serving_copy(
    warehouse: Path,
    tables: tuple[Table, ...],
    path: Path,
    wait_seconds: float,
    report: Report,
    is_forced: bool = False,
) -> None:
    """Write the tables of `warehouse`, with comments, to a new DuckDB file.

    One table more, monitoring.publication, says of which build they are. It holds the
    warehouse open for reading while it copies, which keeps builds out. Raises
    WarehouseError if the warehouse cannot be opened, such as if somebody still writes
    to it after `wait_seconds`, and PublishError if it is not one complete build, unless
    `is_forced`, or lacks a table.
    """
    with trusted(duckdb.connect(config=memory_limit())) as connection:
        # DuckDB puts beside the copy what does not fit into memory.
        spill = path.with_suffix(".spill")
        connection.execute(f"set temp_directory = {literal(str(spill))}")
        # The warehouse's views name its catalog.
        source = catalog_of(warehouse)
        attach(connection, warehouse, source, wait_seconds=wait_seconds, report=report)
        build = complete_build(connection, source, is_forced)
        _require_tables(connection, source, warehouse, tables)
        try:
            connection.execute(
                f"attach {literal(str(path))} as serving_copy "
                f"(storage_version {literal(STORAGE_VERSION)})"
            )
            for table in tables:
                rows = _copy(connection, source, table)
                report(f"{table.full_name}: {rows:,} rows")
            _write_publication(connection, build)
            # Detaching closes the file and merges its log into it.
            connection.execute("detach serving_copy")
        except duckdb.Error as error:
            raise PublishError(
                f"{path.name} cannot be written, and what was published stays: "
                f"{in_words(error, path)}"
            ) from error
    # A tool that opened it for writing would lock all others out.
    path.chmod(0o444)


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
    columns = ", ".join(quoted(column.name) for column in table.columns)
    # Rows are sorted, so queries by time or key skip most of a large table.
    order = ", ".join(map(quoted, table.order))
    return _create(
        connection,
        table,
        f"select {columns} from {quoted(source)}.{table.sql}"
        + (f" order by {order}" if order else ""),
    )


def _write_publication(connection: duckdb.DuckDBPyConnection, build: Build) -> None:
    row = {
        "build_id": build.build_id,
        "built_at": build.ended_at,
        "published_at": dt.datetime.now(dt.UTC).replace(tzinfo=None),
        "is_complete": build.why_incomplete is None,
        "why_incomplete": build.why_incomplete,
    }
    _create(connection, PUBLICATION, PUBLICATION.row_sql, row)


def _create(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    query: str,
    values: Mapping[str, object] | None = None,
) -> int:
    """Make a table of the copy, with comments, from a query; return its rows."""
    target = f"serving_copy.{table.sql}"
    connection.execute(
        f"create schema if not exists serving_copy.{quoted(table.schema)}"
    )
    ((rows,),) = connection.execute(
        f"create table {target} as {query}", values or {}
    ).fetchall()
    connection.execute(f"comment on table {target} is {literal(table.description)}")
    for column in table.columns:
        connection.execute(
            f"comment on column {target}.{quoted(column.name)} "
            f"is {literal(column.description)}"
        )
    return int(rows)
