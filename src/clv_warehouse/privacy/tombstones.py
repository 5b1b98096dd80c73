"""Tombstones: that a customer was erased, said without saying who it was.

A tombstone is a hash of the customer's id under the salt, which never changes, and
others of the customer's key and units in experiments. So a new secret key leaves
tombstones as they are, and nobody without the salt can tell from one whose it is.
"""

from collections.abc import Iterable

import duckdb

from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.secrets import Secret, hand_to
from clv_warehouse.project.sql import quoted
from clv_warehouse.project.subjects import KEY, UNIT, columns_of

# The table of the warehouse that has them; no load replaces it.
TABLE = "raw.erased"
COLUMNS = "tombstone varchar, erased_on date"


def tombstone_sql(text: str) -> str:
    """SQL of the tombstone of a customer's folded id, key or unit."""
    return sql_of("tombstone", text)


def tombstones_in(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[str]:
    """The tombstones of a warehouse that is attached; none where it has no table."""
    found = connection.execute(
        "select count(*) from duckdb_tables() where database_name = ? "
        "and schema_name || '.' || table_name = ?",
        [catalog, TABLE],
    ).fetchall()[0][0]
    if not found:
        return []
    return [
        tombstone
        for (tombstone,) in connection.execute(
            f'select tombstone from "{catalog}".{TABLE}'
        ).fetchall()
    ]


def add_tombstones(
    connection: duckdb.DuckDBPyConnection, catalog: str, tombstones: Iterable[str]
) -> None:
    """Write down the tombstones that a warehouse does not know yet."""
    connection.execute(f'create schema if not exists "{catalog}".raw')
    connection.execute(f'create table if not exists "{catalog}".{TABLE} ({COLUMNS})')
    known = set(tombstones_in(connection, catalog))
    for tombstone in sorted(set(tombstones) - known):
        connection.execute(
            f'insert into "{catalog}".{TABLE} values (?, current_date)', [tombstone]
        )


def is_erased_sql(
    connection: duckdb.DuckDBPyConnection,
    tombstones: Iterable[str],
    secrets: Iterable[Secret],
    text: str,
) -> str | None:
    """SQL that says whether a text's tombstone is one of these; None where none is.

    It makes the temporary table `erased` in the connection, and hands it the secrets.
    """
    known = sorted(set(tombstones))
    if not known:
        return None
    hand_to(connection, secrets)
    connection.execute("create or replace temp table erased (tombstone varchar)")
    connection.executemany("insert into erased values (?)", [[each] for each in known])
    return f"{tombstone_sql(text)} in (select tombstone from erased)"


def delete_erased(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    tombstones: Iterable[str],
    secrets: tuple[Secret, ...],
) -> int:
    """Delete rows of erased customers that came back by key or unit; return how many.

    An older backup has them.
    """
    tombstones = tuple(tombstones)
    deleted = 0
    for (schema, table), columns in columns_of(connection, catalog).items():
        named = next((each for each in (KEY, UNIT) if each in columns), None)
        condition = named and is_erased_sql(connection, tombstones, secrets, named)
        if condition:
            ((rows,),) = connection.execute(
                f"delete from {quoted(catalog)}.{quoted(schema)}.{quoted(table)} "
                f"where {condition}"
            ).fetchall()
            deleted += rows
    return deleted
