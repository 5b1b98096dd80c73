"""Loading a shop's raw data into the warehouse: all of it, or nothing."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clv_warehouse.connectors import Connector
from clv_warehouse.connectors.reading import (
    LoadError,
    Reader,
    Report,
    first_line,
    progress,
    quoted,
)
from clv_warehouse.feeds import Column, Feed


@dataclass(frozen=True)
class LoadedFeed:
    """What a feed's table holds; no dates where the feed has none."""

    name: str
    rows: int
    first_date: dt.date | None
    last_date: dt.date | None


def load(
    connector: Connector,
    source: Path,
    warehouse: Path,
    feeds: tuple[Feed, ...],
    report: Report,
) -> list[LoadedFeed]:
    """Replace the tables of schema raw in `warehouse` by what `source` holds.

    The source is read and checked first; then all feeds are replaced in one
    transaction, those that the source lacks by empty tables. Raises LoadError, and
    leaves the warehouse as it was, where that cannot be done.
    """
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        # How far a query is, is asked for and printed by `progress`.
        connection.execute("set enable_progress_bar = true")
        connection.execute("set enable_progress_bar_print = false")
        # A warehouse that is locked or none is told before the long reading; a new
        # one is made only once there is something to put into it.
        is_new = not warehouse.exists()
        if not is_new:
            _attach(connection, warehouse)
        elif not warehouse.parent.is_dir():
            raise LoadError(
                f"No folder {warehouse.parent} for {warehouse.name}. Make it, or run "
                "from the project's folder."
            )
        try:
            queries = connector.read(Reader(connection, feeds, report), source)
        except (duckdb.Error, OSError) as error:
            raise LoadError(
                f"{source} cannot be read. ({first_line(error)})"
            ) from error
        if is_new:
            _attach(connection, warehouse)
        return _replace_all(connection, feeds, queries, report)


def _attach(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    name = str(warehouse).replace("'", "''")
    try:
        connection.execute(f"attach '{name}' as warehouse")
    except duckdb.Error as error:
        cause = first_line(error)
        if "lock" in cause or "another process" in cause:
            way_out = "Another program has it open; close that and load again."
        elif "not a valid DuckDB" in cause:
            way_out = "It is no DuckDB database. Give another --warehouse."
        else:
            way_out = "Check the path and its permissions."
        raise LoadError(
            f"The warehouse {warehouse} cannot be opened. {way_out} ({cause})"
        ) from error


def _replace_all(
    connection: duckdb.DuckDBPyConnection,
    feeds: tuple[Feed, ...],
    queries: dict[str, str],
    report: Report,
) -> list[LoadedFeed]:
    """Write every feed in one transaction, which an error leaves open and undone."""
    try:
        connection.begin()
        connection.execute("create schema if not exists warehouse.raw")
        loaded = [
            _replace(connection, feed, queries.get(feed.name), report) for feed in feeds
        ]
        connection.commit()
    except duckdb.Error as error:
        raise LoadError(
            "The warehouse could not be written and is as it was. "
            f"({first_line(error)})"
        ) from error
    return loaded


def _replace(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    query: str | None,
    report: Report,
) -> LoadedFeed:
    table = f"warehouse.raw.{feed.name}"
    given = connection.sql(query).columns if query else []
    select = ", ".join(_typed(column, given) for column in feed.columns)
    rows = f"from ({query})" if query else "where false"
    with progress(connection, feed.name, report):
        connection.execute(f"create or replace table {table} as select {select} {rows}")
    times = [column.name for column in feed.columns if column.data_type == "timestamp"]
    span = f"min({times[0]})::date, max({times[0]})::date" if times else "null, null"
    ((count, first, last),) = connection.execute(
        f"select count(*), {span} from {table}"
    ).fetchall()
    report(f"{feed.name}: {count:,} rows written")
    return LoadedFeed(feed.name, count, first, last)


def _typed(column: Column, given: list[str]) -> str:
    value = quoted(column.name) if column.name in given else "null"
    return f"cast({value} as {column.data_type}) as {quoted(column.name)}"
