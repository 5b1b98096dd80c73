"""Back up what earlier runs knew, restore it, or list it.

The tables that remember hold what no later run could make again, such as the networks
that were trained. A backup is one file. Restore it into a new warehouse before its
first build, and that build goes on from where the old one was.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from clv_warehouse.engines.doorway import engine_of
from clv_warehouse.engines.memory import (
    BackupError,
    back_up,
    counted,
    made_at,
    restore,
)
from clv_warehouse.engines.spark.sessions import plain_session
from clv_warehouse.privacy.compacting import compact
from clv_warehouse.privacy.tombstones import delete_erased, tombstones_in
from clv_warehouse.privacy.vault import read_tombstones
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import Table, read_memory
from clv_warehouse.project.opening import catalog_of, connect
from clv_warehouse.project.places import (
    WAREHOUSES,
    backup_of,
    manifest,
    vault_of,
    warehouse_of,
)
from clv_warehouse.project.problems import in_words
from clv_warehouse.project.scratch import scratch_folder
from clv_warehouse.project.secrets import of_target

SPARK = "spark"
COMMANDS = {
    "backup": "write the tables to a file, which replaces an older backup",
    "restore": "add what the warehouse does not know; what it knows stands",
    "list": "say which tables these are, and how many rows they have",
}


def main() -> int:
    """Do what the command line says; return the exit code."""
    arguments = _arguments()
    file = arguments.file or backup_of(arguments.target)
    try:
        tables = read_memory(arguments.manifest)
        is_left = False
        with _session(arguments.target, arguments.command) as session:
            if arguments.command == "backup":
                back_up(session, tables, file, _say)
                _say(f"{file} is written. Keep a copy of it elsewhere.")
            elif arguments.command == "restore":
                restore(session, tables, file, _say)
                is_left = _leave_out_erased(session, arguments.target)
            else:
                _list(session, tables, file)
        if is_left:
            # What was deleted is still in the file's bytes.
            compact(warehouse_of(arguments.target))
    except (duckdb.Error, OSError) as error:
        said = in_words(error, file)
        raise BackupError(f"{arguments.command} of {file} failed: {said}") from error
    return 0


def _leave_out_erased(session: Any, target: str) -> bool:
    """Delete what an older backup has of customers who were erased; whether any was."""
    if target == SPARK:
        return False
    warehouse = warehouse_of(target)
    catalog = catalog_of(warehouse)
    tombstones = [
        *tombstones_in(session, catalog),
        *read_tombstones(vault_of(warehouse)),
    ]
    if not tombstones:
        return False
    rows = delete_erased(session, catalog, tombstones, of_target(target))
    if rows:
        _say(f"{rows:,} rows of erased customers were left out.")
    return bool(rows)


def _list(session: Any, tables: tuple[Table, ...], file: Path) -> None:
    kept = counted(file, tables) if file.exists() else {}
    for table in tables:
        found = engine_of(session).table(session, table) if session else None
        ((rows,),) = found.aggregate("count(*)").fetchall() if found else ((0,),)
        _say(
            f"{table.full_name}: {rows:,} rows, "
            f"{kept.get(table.full_name, 0):,} in the backup"
        )
    _say(
        f"Backup {file} of {made_at(file):%Y-%m-%d %H:%M} UTC."
        if kept
        else f"No backup {file}."
    )


@contextmanager
def _session(target: str, command: str) -> Iterator[Any]:
    """Open the warehouse of a target; a restore is done as a whole or not at all."""
    if target == SPARK:
        with (
            scratch_folder() as scratch,
            plain_session(scratch) as session,
        ):
            yield session
        return
    warehouse, is_written = warehouse_of(target), command == "restore"
    if is_written:
        warehouse.parent.mkdir(parents=True, exist_ok=True)
    with connect(warehouse, read_only=not is_written, wait_seconds=0) as connection:
        connection.begin()
        yield connection
        connection.commit()


def _say(line: str) -> None:
    print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="memory.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text}.")
        command.add_argument(
            "--target", choices=(*sorted(WAREHOUSES), SPARK), default="sample"
        )
        command.add_argument(
            *(("--to",) if name == "backup" else ("--from",)),
            dest="file",
            type=Path,
            help="the backup (default: data/memory-TARGET.duckdb)",
        )
        command.add_argument(
            "--manifest",
            type=Path,
            default=manifest(),
            help="what dbt wrote of the project (default: %(default)s)",
        )
    return parser.parse_args()


if __name__ == "__main__":
    run_main(main)
