"""Reads tables into pandas, with the types that its functions expect.

    from clv_warehouse import frames

    customers = frames.read("clv.customer_lifetime_value")
    customers["lifetime_value"].describe()

Parquet and DuckDB give pandas exact decimals as objects, on which quantile, qcut and
describe fail; here money is float64. Whoever needs cents exactly asks SQL.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import duckdb
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa

from clv_warehouse.project.opening import PUBLISHED_COPY, WarehouseError, connect
from clv_warehouse.project.places import ROOT, WAREHOUSES, warehouse_of
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.sql import first_line, quoted

PUBLISHED = ROOT / PUBLISHED_COPY
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
LARGE_NUMBERS = ("DECIMAL", "HUGEINT", "UHUGEINT", "UBIGINT", "FLOAT")


class FrameError(CommandError):
    """A table cannot be read; the message says why and what to do."""


def read(
    table: str,
    *,
    columns: str | Sequence[str] | None = None,
    where: str | None = None,
    limit: int | None = None,
    warehouse: str | Path | None = None,
) -> pd.DataFrame:
    """Read a table, such as "clv.customer_lifetime_value", as a pandas frame.

    Args:
        table: schema and name.
        columns: the columns wanted, in that order, or one; all by default.
        where: a condition in SQL, such as "predicted_spend > 100".
        limit: the number of rows wanted; the first ones, in the order of the table.
        warehouse: "sample" or "shop" for the warehouse of that target, or the path of
            any DuckDB file. The default is the published copy, which can be read while
            dbt builds.

    Returns:
        One row per row of the table. Money and other numbers with decimals are float64,
        dates and times datetime64, whole numbers int64 (Int64 where some are missing),
        booleans bool (boolean where some are missing), texts str, lists arrays.

    Raises:
        FrameError: the file, the table or a column is not there, the condition is
            wrong, or a build is writing to the warehouse.

    """
    path = _path(warehouse)
    if not path.is_file():
        raise FrameError(_not_there(path, warehouse))
    try:
        connection = connect(path, read_only=True, wait_seconds=0)
    except WarehouseError as error:
        raise FrameError(f"{error} To read that copy, leave out warehouse=.") from error
    with connection:
        types = _types(connection, table, path)
        one = [columns] if isinstance(columns, str) else columns
        wanted = list(types) if one is None else list(one)
        for column in wanted:
            if column not in types:
                raise FrameError(
                    f"{table} has no column {column}.{_near(column, types)} It has: "
                    f"{', '.join(types)}."
                )
        selected = ", ".join(_selected(name, types[name]) for name in wanted)
        schema, _, name = table.partition(".")
        query = f"select {selected} from {quoted(schema)}.{quoted(name)}"
        if where is not None:
            query += f" where ({where}\n)"
        if limit is not None:
            query += f" limit {int(limit)}"
        try:
            rows = connection.sql(query).to_arrow_table()
        except duckdb.Error as error:
            asked = "" if where is None else f", where {where}"
            raise FrameError(
                f"{table}{asked} cannot be read: {first_line(error)}"
            ) from error
    return pd.DataFrame(
        {name: _series(rows.column(place)) for place, name in enumerate(wanted)},
        columns=wanted,
    )


def _path(warehouse: str | Path | None) -> Path:
    if warehouse is None:
        return PUBLISHED
    name = str(warehouse)
    return ROOT / warehouse_of(name) if name in WAREHOUSES else Path(name)


def _not_there(path: Path, warehouse: str | Path | None) -> str:
    if warehouse is None:
        return (
            f"Nothing is published yet: no {path}. Publish after a build: python "
            'scripts/publish.py serving --target shop. Or read a warehouse: warehouse="'
            'shop" or "sample".'
        )
    build = (
        f"dbt build --target {warehouse}" if warehouse in WAREHOUSES else "dbt build"
    )
    return f"No warehouse {path}. Build it first: {build}."


def _types(
    connection: duckdb.DuckDBPyConnection, table: str, path: Path
) -> dict[str, str]:
    """Return the columns of a table, each with DuckDB's type."""
    found: dict[str, dict[str, str]] = {}
    for name, column, data_type in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type "
        "from duckdb_columns() where not internal and database_name = "
        "current_database() order by 1, column_index"
    ).fetchall():
        found.setdefault(name, {})[column] = data_type
    if table not in found:
        # Whoever leaves the schema out, or takes a wrong one, is told the right one.
        _, _, bare = table.rpartition(".")
        near = [name for name in found if name.partition(".")[2] == bare.lower()]
        raise FrameError(
            f"{path} has no table {table}.{_near(table, found, near)} docs/tables.md "
            "lists the tables."
        )
    return found[table]


def _near(name: str, known: Mapping[str, object], first: Sequence[str] = ()) -> str:
    close = get_close_matches(name.lower(), known)
    near = [*first, *(each for each in close if each not in first)]
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _selected(column: str, data_type: str) -> str:
    """Return the SQL of a column, with a type that pandas has."""
    name = quoted(column)
    if data_type.endswith("]"):
        return name
    if data_type.startswith(LARGE_NUMBERS):
        return f"cast({name} as double) as {name}"
    if data_type.startswith(INTEGERS):
        return f"cast({name} as bigint) as {name}"
    if data_type == "DATE":
        return f"cast({name} as timestamp) as {name}"
    if data_type.startswith(("ENUM", "UUID")):
        return f"cast({name} as varchar) as {name}"
    return name


def _series(column: pa.ChunkedArray) -> pd.Series:
    """Return a column as pandas has it, whole numbers and booleans with their nulls."""
    if column.null_count and pa.types.is_integer(column.type):
        return column.to_pandas(types_mapper=lambda _: pd.Int64Dtype())
    if column.null_count and pa.types.is_boolean(column.type):
        return column.to_pandas(types_mapper=lambda _: pd.BooleanDtype())
    return column.to_pandas()
