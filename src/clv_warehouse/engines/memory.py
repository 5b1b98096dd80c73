"""Backs up the tables that remember, and restores what a warehouse does not know.

A backup is one DuckDB file, whichever engine it was made on. It has the tables under
their own names, and the table backup.about, which says when it was made.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from clv_warehouse.engines.doorway import engine_of
from clv_warehouse.project import files
from clv_warehouse.project.contracts import Column, Table
from clv_warehouse.project.disk import lock
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.report import Report
from clv_warehouse.project.sql import first_line, literal, quoted

# Raise it when a version of the project that reads the number before would go wrong.
FORMAT = 1
# DuckDB 1.4 and later read this version.
STORAGE_VERSION = "v1.4.0"
# The name of the backup in the connection that reads or writes it.
BACKUP = "kept"
# The table in which dbt's commands are written down (macros/builds.sql).
COMMANDS = "monitoring.build_commands"
LOCK = ".lock"


class BackupError(CommandError):
    """A backup cannot be made or restored; the message says why and what to do."""


def back_up(session: Any, tables: Sequence[Table], path: Path, report: Report) -> None:
    """Write the tables of a warehouse to a file, which replaces an older backup.

    `session` is DuckDB's connection or Spark's session. The file is whole at any time:
    it is written beside and swapped in. Raises BackupError if the warehouse has no row
    of a table of which the older backup has some, for it may have lost them.
    """
    before = counted(path, tables) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial, duckdb.connect() as connection:
        connection.execute(
            f"attach {literal(str(partial))} as {BACKUP} "
            f"(storage_version {literal(STORAGE_VERSION)})"
        )
        connection.execute(f"create schema {BACKUP}.backup")
        connection.execute(
            f"create table {BACKUP}.backup.about as "
            "select cast(? as integer) as format, cast(? as timestamp) as made_at",
            [FORMAT, dt.datetime.now(dt.UTC).replace(tzinfo=None)],
        )
        for table in tables:
            rows = _copied(session, table, connection)
            if before.get(table.full_name) and not rows:
                raise BackupError(
                    f"The warehouse has no row of {table.full_name}, and the backup "
                    f"{path} has {before[table.full_name]:,}. Restore it, or write to "
                    "another file with --to."
                )
            report(f"{table.full_name}: {rows:,} rows")
        # Detaching closes the file and merges its log into it.
        connection.execute(f"detach {BACKUP}")


def restore(session: Any, tables: Sequence[Table], path: Path, report: Report) -> None:
    """Add the rows of a backup that a warehouse does not know.

    Where both know a key (`Table.replaced_by`), the warehouse's rows stand; a table
    without such a key is restored where it has no rows. Columns that the backup lacks
    are null. Until the next build, monitoring.builds says that the warehouse is not a
    complete one: its other tables do not know what was restored. Raises BackupError
    before anything is written where the file is no backup, or one of a newer version of
    the project.
    """
    engine = engine_of(session)
    with opened(path) as backup:
        columns = _columns(backup, path, tables)
        for table in tables:
            if table.full_name not in columns:
                report(f"{table.full_name}: not in the backup")
                continue
            known = engine.table(session, table)
            unknown = ""
            if known is not None:
                keys = ", ".join(table.replaced_by)
                distinct = known.project(keys or "1 as one").distinct()
                backup.register("known", distinct.to_arrow_table())
                unknown = (
                    f"anti join known using ({keys})"
                    if keys
                    else "where not exists (from known)"
                )
            found = columns[table.full_name]
            new = backup.sql(
                f"select {', '.join(_read(column, found) for column in table.columns)} "
                f"from {BACKUP}.{table.sql} {unknown}"
            )
            ((rows,),) = new.aggregate("count(*)").fetchall()
            engine.add(session, table, new.to_arrow_reader())
            report(f"{table.full_name}: {rows:,} rows restored")
        for table in tables:
            if table.full_name == COMMANDS:
                engine.add(session, table, _restoring(session, table, backup))


def _restoring(
    session: Any, table: Table, backup: duckdb.DuckDBPyConnection
) -> pa.RecordBatchReader:
    """Return the row that says, after all others, that rows were restored."""
    there = engine_of(session).table(session, table)
    ((last,),) = there.aggregate("max(number)").fetchall() if there else ((None,),)
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    told = {
        "invocation_id": f"restore-{now.isoformat()}",
        "number": (last or 0) + 1,
        "is_end": False,
        "said_at": now,
        "command": "restore",
        "target": "",
        "settings": "{}",
        "dbt_version": "",
    }
    given = {column.name: told.get(column.name) for column in table.columns}
    return backup.sql(table.row_sql, params=given).to_arrow_reader()


def counted(path: Path, tables: Sequence[Table]) -> dict[str, int]:
    """Count the rows of each table in a backup, by name."""
    with opened(path) as backup:
        return {
            name: backup.table(f"{BACKUP}.{name}")
            .aggregate("count(*)")
            .fetchall()[0][0]
            for name in _columns(backup, path, tables)
        }


@contextmanager
def opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a backup for reading.

    Raises BackupError where there is none, or where a newer version made it.
    """
    if not path.is_file():
        raise BackupError(
            f"No backup {path}. python scripts/memory.py backup makes one."
        )
    with duckdb.connect() as connection:
        try:
            connection.execute(f"attach {literal(str(path))} as {BACKUP} (read_only)")
            ((made_by,),) = connection.execute(
                f"select format from {BACKUP}.backup.about"
            ).fetchall()
        except (duckdb.Error, ValueError) as error:
            raise BackupError(
                f"{path} is no backup of tables that remember: {first_line(error)}"
            ) from error
        if made_by > FORMAT:
            raise _newer(path, f"has format {made_by}, and this one reads {FORMAT}")
        yield connection


def made_at(path: Path) -> dt.datetime:
    """When a backup was made, UTC."""
    with opened(path) as backup:
        ((found,),) = backup.execute(
            f"select made_at from {BACKUP}.backup.about"
        ).fetchall()
        return found


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a file to write to; rename it to `path` once it is on disk.

    Raises BackupError while another process writes a file in that folder.
    """
    with (path.parent / LOCK).open("w") as file:
        if not lock(file):
            raise BackupError(
                f"Another memory.py is writing to {path.parent}. Try again when it has "
                "ended."
            )
        with files.written_whole(path) as partial:
            yield partial


def _copied(session: Any, table: Table, backup: duckdb.DuckDBPyConnection) -> int:
    """Copy a table into the backup, with the types of its contract; count its rows."""
    found = engine_of(session).table(session, table)
    there: Sequence[str] = ()
    if found is not None:
        rows = found.to_arrow_reader()
        there = rows.schema.names
        backup.register("found", rows)
    backup.execute(f"create schema if not exists {BACKUP}.{quoted(table.schema)}")
    ((count,),) = backup.execute(
        f"create table {BACKUP}.{table.sql} as select "
        f"{', '.join(_read(column, there) for column in table.columns)} "
        + ("from found" if there else "where false")
    ).fetchall()
    return int(count)


def _read(column: Column, found: Sequence[str]) -> str:
    """Read a column of a contract from rows that may lack it."""
    value = quoted(column.name) if column.name in found else "null"
    return f"cast({value} as {column.data_type}) as {quoted(column.name)}"


def _columns(
    backup: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[Table]
) -> Mapping[str, Sequence[str]]:
    """The names of the columns of each table of a backup.

    Raises BackupError where the project does not know one of them.
    """
    known = {
        table.full_name: {column.name for column in table.columns} for table in tables
    }
    found: dict[str, list[str]] = {}
    for name, column in backup.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns() "
        "where database_name = ? and schema_name != 'backup'",
        [BACKUP],
    ).fetchall():
        if column not in known.get(name, ()):
            raise _newer(path, f"knows column {column} of {name}, and this one not")
        found.setdefault(name, []).append(column)
    return found


def _newer(path: Path, why: str) -> BackupError:
    return BackupError(
        f"{path} was made by a newer version of the project, which {why}. Bring the "
        "project up to date first."
    )
