"""Opens warehouse files, and says what is in the way in words that help.

dbt and all scripts open a warehouse here, so that each trouble has one sentence:
docs/operations.md lists them.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from clv_warehouse.project.problems import CommandError, of_the_machine
from clv_warehouse.project.report import Report
from clv_warehouse.project.schemas import schemas
from clv_warehouse.project.sql import first_line, literal, quoted
from clv_warehouse.project.stopping import raise_if_stopping

SECONDS_BETWEEN_TRIES = 0.2
PUBLISHED_COPY = "data/published/serving.duckdb"
# DuckDB has these in every connection, or names the file of that name otherwise.
_RESERVED = {"main", "temp", "system", "memory", "information_schema", "pg_catalog"}
_HOLDER = re.compile(r"held in (?:(.+?) \(PID (\d+)\)|PID (\d+))")

_T = TypeVar("_T")


class WarehouseError(CommandError):
    """A warehouse cannot be opened, read or written."""


@contextmanager
def opened(
    path: Path,
    *,
    read_only: bool = True,
    wait_seconds: float = 0,
    report: Report | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a warehouse; errors of DuckDB within are told as WarehouseError.

    Raises WarehouseError likewise if it cannot be opened: see `connect`.
    """
    with (
        connect(path, read_only, wait_seconds, report) as connection,
        explaining(path),
    ):
        yield connection


def connect(
    path: Path,
    read_only: bool,
    wait_seconds: float,
    report: Report | None = None,
    config: Mapping[str, Any] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Connect to a warehouse; `config` is DuckDB's, and the memory limit without one.

    While another program holds the file, it tries again for up to `wait_seconds`, and
    tells `report` at once who that is. Raises WarehouseError if it cannot be opened.
    """
    check_place(path)
    if config is None:
        config = memory_limit()
    return _waited_for(
        path,
        read_only,
        wait_seconds,
        report,
        lambda: trusted(
            duckdb.connect(str(path), read_only=read_only, config=dict(config))
        ),
    )


def attach(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    *,
    read_only: bool = True,
    wait_seconds: float = 0,
    report: Report | None = None,
) -> None:
    """Attach a warehouse to a connection; waits and raises as `connect` does."""
    check_place(path)
    options = " (read_only)" if read_only else ""
    sql = f"attach {literal(str(path))} as {quoted(name)}{options}"
    _waited_for(path, read_only, wait_seconds, report, lambda: connection.execute(sql))


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn errors of DuckDB over an open warehouse into a WarehouseError."""
    try:
        yield
    except duckdb.Error as error:
        raise WarehouseError(explained(error, path)) from error


def explained(error: duckdb.Error, path: Path) -> str:
    """Say what is the matter with a warehouse, and what to do."""
    said = first_line(error)
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException):
        return (
            f"The warehouse {path} has not all tables and columns, for it was built in "
            f"part or by an older version of the project. Build it: dbt build. ({said})"
        )
    if "not a valid DuckDB" in said:
        return (
            f"{path} is no DuckDB database. Name another file by CLV_WAREHOUSE, or "
            "move this one away."
        )
    if "we can only read storage versions" in said:
        return (
            f"{path} was written by a newer DuckDB than {duckdb.__version__}, which "
            "cannot read it. Use the environment that wrote it; make install "
            "brings the project's own versions."
        )
    if "Corrupt database" in said or "Could not read enough bytes" in said:
        return (
            f"The warehouse {path} is damaged. Move it away, then load and build anew; "
            "scripts/memory.py restore brings back from a backup what earlier runs "
            f"knew. ({said})"
        )
    return of_the_machine(error, path) or f"The warehouse {path}: {said}"


def check_place(path: Path) -> None:
    """Raise WarehouseError if there is no folder for a file, or its name cannot be.

    Tables are read as schema.table, and a query may name the file's catalog before: SQL
    must be able to tell the one from the other.
    """
    if not path.parent.is_dir():
        raise WarehouseError(
            f"There is no folder {path.parent} for {path.name}. Make it, or name "
            "another file by CLV_WAREHOUSE."
        )
    name = catalog_of(path)
    if name.lower() in _RESERVED | schemas():
        raise WarehouseError(
            f"The warehouse {path} cannot have the name of a schema, {name.lower()}: "
            f"DuckDB would not know which of the two {name.lower()}.a_table means. "
            f"Rename the file, such as {path.with_name(f'{name}_warehouse.duckdb')}."
        )
    if "'" in name or '"' in name:
        raise WarehouseError(
            f"The name of the warehouse {path} cannot have quotes, for dbt could not "
            "write it in SQL. Rename the file."
        )


def catalog_of(path: Path) -> str:
    """What DuckDB calls the catalog of a file: my of my.shop.duckdb."""
    return path.name.lstrip(".").partition(".")[0]


def trusted(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Turn off the optimizer of DuckDB 2.0 that answers wrongly; profiles.yml does too.

    Of a CTE that is read twice it may take the smallest and largest value of another
    column for a column's, and then says that 50 > 0 is false.
    """
    return connection.execute("set disabled_optimizers = 'statistics_propagation'")


def memory_limit() -> dict[str, Any]:
    """DuckDB's setting of what memory it may use, where CLV_MEMORY_LIMIT says so.

    Raises WarehouseError where DuckDB does not understand it.
    """
    limit = os.environ.get("CLV_MEMORY_LIMIT")
    if not limit:
        return {}
    config: dict[str, Any] = {"memory_limit": limit}
    try:
        duckdb.connect(config=config).close()
    except duckdb.Error as error:
        raise WarehouseError(
            f"CLV_MEMORY_LIMIT is {limit!r}, but must be a size such as 8GB or a share "
            "of the machine's memory such as 80%."
        ) from error
    return config


def _waited_for(
    path: Path,
    read_only: bool,
    wait_seconds: float,
    report: Report | None,
    open_it: Callable[[], _T],
) -> _T:
    if read_only and not path.exists():
        raise WarehouseError(
            f"There is no warehouse {path}. Build it first: dbt build --target sample, "
            "or --target shop for a shop that was loaded."
        )
    started, is_told = time.monotonic(), False
    while True:
        try:
            return open_it()
        except duckdb.Error as error:
            if not _is_lock(error):
                raise WarehouseError(explained(error, path)) from error
            waited = time.monotonic() - started
            held = f"The warehouse {path} is in use by {_holder(error)}"
            if waited >= wait_seconds:
                raise WarehouseError(_locked(held, waited)) from error
            if report and not is_told:
                report(f"{held}. Waiting for up to {wait_seconds:g} s.")
                is_told = True
            # Python tells Ctrl-C to the main thread alone, and dbt connects in another.
            raise_if_stopping()
            time.sleep(SECONDS_BETWEEN_TRIES)


def _is_lock(error: duckdb.Error) -> bool:
    # Windows says that the file is used by another process.
    return "Conflicting lock" in str(error) or "another process" in str(error)


def _holder(error: duckdb.Error) -> str:
    """Name the process that DuckDB says holds a file, as far as the system tells."""
    found = _HOLDER.search(str(error))
    if not found:
        return "another program"
    program, number = found[1], found[2] or found[3]
    names = [Path(program).name] if program else ["a program"]
    if script := _script(number):
        names.append(script)
    return f"{' '.join(names)} (process {number})"


def _script(number: str) -> str | None:
    """What an interpreter runs: dbt of `python bin/dbt build`. Linux alone tells it."""
    try:
        command = Path("/proc", number, "cmdline").read_text("utf-8", "replace")
    except OSError:
        return None
    # Anything behind it may be a secret, and so may the code behind -c.
    arguments = command.rstrip("\0").split("\0")[1:]
    if arguments[:1] == ["-m"]:
        return arguments[1]
    is_script = arguments and not arguments[0].startswith("-")
    return Path(arguments[0]).name if is_script else None


def _locked(held: str, waited: float) -> str:
    still = f", still after {waited:.0f} s" if waited >= 1 else ""
    return (
        f"{held}{still}. Try again when that has ended. What only reads can read the "
        f"published copy meanwhile, {PUBLISHED_COPY}."
    )
