"""Says what a warehouse and its published forms hold, as hashes of their tables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg

from checks.table_hashes import compared_columns, table_hash
from clv_warehouse.project.contracts import Column, Table
from clv_warehouse.project.sql import literal, quoted
from clv_warehouse.serving.publishing.publication import PARQUET, SERVING

POSTGRES = "postgres"
# A table's hash by its name; for PostgreSQL its number of rows.
Hashes = dict[str, str]


@dataclass(frozen=True)
class Expected:
    """What one complete build is, wherever one looks at it.

    Attributes:
        raw: the tables of schema raw.
        tables: the contracted tables in the warehouse.
        published: the same by published form, as far as it was published.
        page: the dashboard; "" where none was drawn.

    """

    raw: Hashes
    tables: Hashes
    published: dict[str, Hashes]
    page: str = ""


def hashes_of_raw(warehouse: Path) -> Hashes:
    """Hashes of what was loaded; raw.loads says only when that was."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select table_name, list(column_name order by column_index), "
            "list(data_type order by column_index) from duckdb_columns() "
            "where schema_name = 'raw' and table_name <> 'loads' group by 1"
        ).fetchall()
        tables = [
            Table("raw", name, "", tuple(map(Column, names, types, names)), ())
            for name, names, types in rows
        ]
        return {each.full_name: table_hash(connection, each) for each in tables}


def hashes_of_tables(warehouse: Path, tables: Sequence[Table]) -> Hashes:
    """Hashes of the contracted tables of a warehouse or a serving copy."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {each.full_name: table_hash(connection, each) for each in tables}


def hashes_of_parquet(folder: Path, tables: Sequence[Table]) -> Hashes:
    """Hashes of the tables that lie as Parquet in a folder.

    The folder is a link to a version: followed once, as docs/connect.md tells readers.
    """
    folder = folder.resolve()
    with duckdb.connect() as connection:
        for table in tables:
            files = literal(f"{folder}/{table.schema}/{table.name}/*.parquet")
            connection.execute(f"create schema if not exists {quoted(table.schema)}")
            columns = ", ".join(map(quoted, compared_columns(table)))
            connection.execute(
                f"create view {table.sql} as select {columns} "
                f"from read_parquet({files}, hive_partitioning = false)"
            )
        return {each.full_name: table_hash(connection, each) for each in tables}


def rows_of_postgres(address: str, tables: Sequence[Table]) -> Hashes:
    """The number of rows of each table in PostgreSQL, in one transaction."""
    query = " union all ".join(
        f"select {literal(each.full_name)}, count(*) from {each.sql}" for each in tables
    )
    with psycopg.connect(address) as connection:
        return {name: str(rows) for name, rows in connection.execute(query).fetchall()}


def published(folder: Path, form: str, tables: Sequence[Table], to: str) -> Hashes:
    """What one published form holds; `to` is the address of PostgreSQL."""
    if form == SERVING:
        return hashes_of_tables(folder / SERVING, tables)
    if form == PARQUET:
        return hashes_of_parquet(folder / PARQUET, tables)
    return rows_of_postgres(to, tables)


def page_without_clock(path: Path) -> str:
    """The text of a dashboard, but for when its build ended and its network trained."""
    text = path.read_text("utf-8")
    return re.sub(r'"built": ?"[^"]*"|"trained_date": ?\{[^}]*\}', "", text)


def differing(found: Hashes, *allowed: Hashes) -> list[str]:
    """The tables by which `found` differs from the nearest of what it may be."""
    differences = [
        sorted(
            name
            for name in found.keys() | one.keys()
            if found.get(name) != one.get(name)
        )
        for one in allowed
    ]
    return min(differences, key=len)
