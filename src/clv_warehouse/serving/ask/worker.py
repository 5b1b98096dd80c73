"""The process that runs the queries of the published copy, each call in a connection.

DuckDB's own limits do not hold everywhere: a function such as list_sum(range(1e9)) took
100 seconds after its interrupt, and 8 GB where 0.5 were allowed. So the queries have a
process of their own, which has a limit of memory, and which ends itself if a query does
not end.
"""

import datetime as dt
import json
import math
import os
import sys
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb

from clv_warehouse.project.opening import WarehouseError, explained, trusted
from clv_warehouse.project.sql import first_line
from clv_warehouse.serving.ask.limits import (
    LONGEST_TEXT,
    MOST_CHARACTERS,
    MOST_ROWS,
    Limits,
)

# DuckDB's own parser needs more memory and time for a longer text than it is worth.
LONGEST_QUERY = 20_000
LONGEST_ERROR = 400
SECONDS_AFTER_INTERRUPT = 1.0
# What Python and DuckDB take in addresses before any query, and for threads.
ADDRESSES_MB = 3_000

ONE_QUERY = (
    "Give one query that reads: it begins with select, with, from, values, pivot, "
    "describe, summarize or show."
)


class RefusedError(Exception):
    """A query is not run, or has failed; the message says why and what to do."""


@dataclass(frozen=True)
class Query:
    """One query, with the values of its parameters."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rows:
    """What a query found.

    Attributes:
        columns: name and DuckDB's type of each column.
        rows: the rows, with values as JSON has them: exact decimals are numbers, dates
            and times are texts.
        cut: what was left out, and what to do; None if nothing was.

    """

    columns: list[tuple[str, str]]
    rows: list[list[Any]]
    cut: str | None

    def records(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        names = [name for name, _ in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def serve(pipe: Connection, path: Path, limits: Limits) -> None:
    """Answer the calls that come through the pipe until it is closed.

    A call is a list of queries; its answer a list of Rows, or a sentence.
    """
    _limit_memory(limits)
    while True:
        try:
            queries = pipe.recv()
        except EOFError:
            return
        answer: list[Rows] | str
        try:
            answer = answers(path, queries, limits)
        except (RefusedError, WarehouseError) as error:
            answer = str(error)
        except MemoryError:
            answer = _too_large(limits)
        pipe.send(answer)


def answers(path: Path, queries: Sequence[Query], limits: Limits) -> list[Rows]:
    """Run queries in one connection, so that all read the same publication.

    Raises RefusedError for a query that does more than read, or that fails.
    """
    connection = _connect(path, limits)
    end = threading.Timer(limits.seconds + SECONDS_AFTER_INTERRUPT, os._exit, [1])
    interrupt = threading.Timer(limits.seconds, connection.interrupt)
    for timer in (interrupt, end):
        timer.daemon = True
        timer.start()
    try:
        return [_answer(connection, query, limits) for query in queries]
    finally:
        interrupt.cancel()
        connection.close()
        end.cancel()


def _connect(path: Path, limits: Limits) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        # The file cannot be written, nor can any other be read.
        "enable_external_access": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # Without this a query can read variables of this program.
        "python_enable_replacements": False,
        # What does not fit into memory does not go to the disk.
        "temp_directory": "",
        "memory_limit": f"{limits.memory_mb}MB",
        "threads": 2,
    }
    if not path.is_file():
        raise WarehouseError(
            f"There is no published copy {path}. Publish first: make publish, or "
            "python scripts/publish.py serving."
        )
    try:
        connection = trusted(duckdb.connect(str(path), read_only=True, config=config))
        connection.execute("set enable_progress_bar = false")
        # No query can change any of this.
        connection.execute("set lock_configuration = true")
        return connection
    except duckdb.Error as error:
        raise WarehouseError(explained(error, path)) from error


def _answer(
    connection: duckdb.DuckDBPyConnection, query: Query, limits: Limits
) -> Rows:
    try:
        statement = _reading(connection, query)
        if query.values:
            found = connection.execute(statement, dict(query.values))
        else:
            found = connection.execute(statement)
        columns = [(visible(name), str(kind)) for name, kind, *_ in found.description]
        return _bounded(found, columns)
    except duckdb.Error as error:
        raise RefusedError(_in_words(error, limits)) from error


def _reading(connection: duckdb.DuckDBPyConnection, query: Query) -> duckdb.Statement:
    """The one statement of a query, which reads and does nothing else."""
    if len(query.sql) > LONGEST_QUERY:
        raise RefusedError(
            f"The query has {len(query.sql):,} characters. Give one of at most "
            f"{LONGEST_QUERY:,}."
        )
    statements = connection.extract_statements(query.sql)
    if len(statements) != 1:
        raise RefusedError(ONE_QUERY)
    kind = None
    # DuckDB has statements that its package for Python does not know.
    with suppress(ValueError):
        kind = statements[0].type
    if kind == duckdb.StatementType.MULTI:
        raise RefusedError(
            "A pivot must name the values that become columns: "
            "pivot t on column in ('a', 'b') using count(*)."
        )
    if kind != duckdb.StatementType.SELECT:
        raise RefusedError(ONE_QUERY)
    if statements[0].named_parameters and not query.values:
        raise RefusedError("Write the values into the query; it has no parameters.")
    return statements[0]


def _bounded(found: duckdb.DuckDBPyConnection, columns: list[tuple[str, str]]) -> Rows:
    """The first rows, as far as both limits allow."""
    characters = sum(len(name) + len(kind) for name, kind in columns)
    if characters > MOST_CHARACTERS:
        raise RefusedError(
            f"The answer has {len(columns):,} columns, whose names alone are too long. "
            "Select fewer."
        )
    rows: list[list[Any]] = []
    while (values := found.fetchone()) is not None:
        if len(rows) == MOST_ROWS:
            return Rows(columns, rows, _cut(f"the first {MOST_ROWS:,} rows"))
        row = [plain(value) for value in values]
        characters += len(json.dumps(row, ensure_ascii=False))
        if characters > MOST_CHARACTERS:
            shown = f"{len(rows):,} rows, which have {MOST_CHARACTERS:,} characters"
            return Rows(columns, rows, _cut(shown))
        rows.append(row)
    return Rows(columns, rows, None)


def _cut(shown: str) -> str:
    return (
        f"Cut: these are {shown}, and there are more. Let the query add up, filter or "
        "limit, or select fewer columns."
    )


def plain(value: Any) -> Any:
    """A value as JSON has it; a long text is cut and says so."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Decimal):
        return plain(float(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(plain(key)): plain(each) for key, each in value.items()}
    if isinstance(value, dt.date | dt.time):
        return str(value)
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    return visible(str(value))


def visible(text: str) -> str:
    """A text in which nothing is hidden: no control or format character of Unicode.

    Such characters can carry words that a model reads and a person does not see.
    """
    shown = text[:LONGEST_TEXT]
    if not shown.isprintable():
        shown = "".join(
            letter
            if letter in "\n\t"
            or unicodedata.category(letter) not in ("Cc", "Cf", "Co", "Cs", "Cn")
            else f"\\u{{{ord(letter):x}}}"
            for letter in shown
        )
    if len(text) > LONGEST_TEXT:
        shown += f" ... (cut: {len(text):,} characters)"
    return shown


def _in_words(error: duckdb.Error, limits: Limits) -> str:
    """Say what is wrong in a sentence.

    What DuckDB says of the query's own text is repeated. What it says while the query
    runs is not, for it may quote a text of the shop.
    """
    if isinstance(error, duckdb.InterruptException):
        return (
            f"The query took longer than {limits.seconds:g} seconds. Filter it, add up "
            "first, or read fewer tables."
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return _too_large(limits)
    if isinstance(error, duckdb.PermissionException):
        return (
            "Queries read the published tables alone: no files, addresses, extensions "
            "or secrets. list_tables names the tables."
        )
    if isinstance(
        error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException
    ):
        said = visible(first_line(error))[:LONGEST_ERROR].rstrip(".!?")
        return (
            f"{said}. list_tables names the tables, describe_table the columns of one."
        )
    if isinstance(error, duckdb.ConversionException):
        return (
            "A value cannot become the type that the query wants. Use try_cast, which "
            "gives null for such a value."
        )
    if isinstance(error, duckdb.OutOfRangeException):
        return "A number is too large for its type. Cast it to double first."
    return (
        f"The query failed while it ran ({type(error).__name__}): a function got a "
        "value that it does not take. Try it with fewer columns or conditions."
    )


def _too_large(limits: Limits) -> str:
    return (
        f"The query needs more than {limits.memory_mb:,} MB of memory. Filter it, add "
        "up first, or read fewer columns."
    )


def _limit_memory(limits: Limits) -> None:
    """Bound the addresses of this process, where the system can."""
    if sys.platform == "linux":
        import resource

        most = (ADDRESSES_MB + limits.memory_mb) * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
