"""Prints a hash of every contracted table; equal tables have equal hashes.

The hash covers all rows, in any order, and all columns except clock times, which say
when something ran. It shows whether a change of code, machine or number of threads
changed any table.
"""

import argparse
from pathlib import Path

import duckdb

from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import Table, read_tables
from clv_warehouse.project.sql import quoted

# Columns that say when something ran, not what the shop's data say.
CLOCK_TIMES = ("trained_at", "said_at")
# In the tables of builds also: which run it was, and how long it took.
RUNS = "monitoring"
OF_THE_RUN = (
    "build_id",
    "invocation_id",
    "loaded_at",
    "started_at",
    "ended_at",
    "seconds",
)


def compared_columns(table: Table) -> list[str]:
    """The names of a table's columns that say nothing of when something ran."""
    left_out = {*CLOCK_TIMES, *(OF_THE_RUN if table.schema == RUNS else ())}
    return [column.name for column in table.columns if column.name not in left_out]


def table_hash(
    connection: duckdb.DuckDBPyConnection, table: Table, database: str | None = None
) -> str:
    """The number of rows and 16 hexadecimal digits for their content, in any order.

    `database` is the name of an attached one; by default it is the connection's own.
    """
    columns = ", ".join(map(quoted, compared_columns(table)))
    place = f"{quoted(database)}.{table.sql}" if database else table.sql
    ((rows, found),) = connection.execute(
        f"select count(*), coalesce(sum(hash({columns})), 0) % (1::hugeint << 64) "
        f"from {place}"
    ).fetchall()
    return f"{rows:>9} rows  {found:016x}"


def main() -> int:
    """Print a line per table; return the exit code."""
    parser = argparse.ArgumentParser(prog="checks.table_hashes", description=__doc__)
    parser.add_argument("warehouse", type=Path, help="a DuckDB file that dbt has built")
    parser.add_argument(
        "--manifest", type=Path, default=Path("target/manifest.json"), help="dbt's"
    )
    arguments = parser.parse_args()
    with duckdb.connect(str(arguments.warehouse), read_only=True) as connection:
        for table in read_tables(arguments.manifest):
            print(f"{table.full_name:<36}{table_hash(connection, table)}")
    return 0


if __name__ == "__main__":
    run_main(main)
