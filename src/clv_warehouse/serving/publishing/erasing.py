"""Takes a customer out of what was published, older versions included."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import duckdb

from clv_warehouse.project.contracts import Table
from clv_warehouse.project.opening import trusted
from clv_warehouse.project.sql import literal, quoted
from clv_warehouse.project.subjects import Subject, about, delete_about
from clv_warehouse.serving.publishing.address import readable_address
from clv_warehouse.serving.publishing.folder import (
    locked,
    new_version,
    remove_old_versions,
    swap_in_file,
    swap_in_link,
    written_whole,
)
from clv_warehouse.serving.publishing.parquet import write_parquet
from clv_warehouse.serving.publishing.publication import PARQUET, SERVING
from clv_warehouse.serving.publishing.serving import STORAGE_VERSION

LOADED = r"^published_\d{8}t\d{12}$"


def erase_published(
    folder: Path, subject: Subject, tables: tuple[Table, ...], wait_seconds: float
) -> dict[str, int]:
    """Publish the newest copy again without the customer, and remove all older ones.

    Returns the rows deleted, by table. Readers see the old copy or the new one, whole.
    """
    deleted: dict[str, int] = {}

    def without(source: Path, target: Path) -> None:
        deleted.update(_copied_without(source, target, subject))

    with locked(folder, wait_seconds):
        version = rewritten_version(folder, without, tables)
        if version:
            swap_in_version(folder, version)
    return deleted


def rewritten_version(
    folder: Path, write: Callable[[Path, Path], None], tables: tuple[Table, ...]
) -> str | None:
    """Make a version of what is published, whose serving copy `write` copies.

    Returns its name; nobody reads it before it is swapped in. The caller must hold the
    lock of the folder. None where nothing is published.
    """
    serving = folder / SERVING
    if not serving.exists():
        return None
    version = new_version(folder)
    with written_whole(version) as partial:
        write(serving, partial / SERVING)
        if (folder / PARQUET).exists():
            (partial / PARQUET).mkdir()
            there = _there(partial / SERVING, tables)
            write_parquet(partial / SERVING, there, partial / PARQUET)
    return version.name


def swap_in_version(folder: Path, name: str) -> None:
    """Swap a version in and remove all others; a second time it changes nothing."""
    version = folder / "versions" / name
    swap_in_file(version, SERVING, folder)
    if (version / PARQUET).exists():
        swap_in_link(version, PARQUET, folder)
    remove_old_versions(folder, 0)


def _copied_without(source: Path, target: Path, subject: Subject) -> dict[str, int]:
    """Copy a serving copy without a customer; the rows deleted, by table.

    It goes through a file in between, whose blocks still have what was deleted.
    """
    between = target.with_suffix(".between")
    with trusted(duckdb.connect()) as connection:
        for path, name in ((between, "between"), (target, "fresh")):
            connection.execute(
                f"attach {literal(str(path))} as {name} "
                f"(storage_version {literal(STORAGE_VERSION)})"
            )
        connection.execute(f"attach {literal(str(source))} as old (read_only)")
        connection.execute("copy from database old to between")
        deleted = delete_about(connection, "between", subject)
        connection.execute("copy from database between to fresh")
        connection.execute("detach fresh")
        connection.execute("detach between")
    for each in (between, between.with_name(f"{between.name}.wal")):
        each.unlink(missing_ok=True)
    target.chmod(0o444)
    return deleted


def _there(serving: Path, tables: tuple[Table, ...]) -> tuple[Table, ...]:
    with duckdb.connect(str(serving), read_only=True) as connection:
        there = {
            f"{schema}.{name}"
            for schema, name in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
            ).fetchall()
        }
    return tuple(table for table in tables if table.full_name in there)


def erase_in_postgres(dsn: str, subject: Subject) -> dict[str, int]:
    """Delete the customer's rows from all loaded tables, and write those anew.

    VACUUM FULL leaves no byte of them in the table's file. The server's write-ahead log
    keeps its copies until the server reuses it. Returns the rows, by table.
    """
    deleted: dict[str, int] = {}
    with (
        closing(adbc.connect(readable_address(dsn), autocommit=True)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        cursor.execute(
            "select table_schema::text, table_name::text, column_name::text, "
            "data_type::text from information_schema.columns "
            f"where table_schema ~ '{LOADED}' order by 1, 2, ordinal_position"
        )
        tables: dict[tuple[str, str], dict[str, str]] = {}
        for schema, table, column, kind in cursor.fetchall():
            kind = "VARCHAR" if kind in ("text", "ARRAY") else kind
            tables.setdefault((schema, table), {})[column] = kind
        for (schema, table), columns in tables.items():
            condition = about(columns, subject)
            if condition is None:
                continue
            name = f"{quoted(schema)}.{quoted(table)}"
            cursor.execute(f"select count(*) from {name} where {condition}")
            ((rows,),) = cursor.fetchall()
            if rows:
                cursor.execute(f"delete from {name} where {condition}")
                cursor.execute(f"vacuum (full) {name}")
                deleted[f"{schema}.{table}"] = int(rows)
    return deleted
