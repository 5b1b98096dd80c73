"""Reads of which build a warehouse is, and whether that build is complete.

dbt writes down what it does (macros/builds.sql); models/monitoring shows it. Only one
complete, tested build is published or drawn: a warehouse between two of them has new
facts beside old forecasts.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import duckdb

from clv_warehouse.project.contracts import PublishError
from clv_warehouse.project.problems import UNTRUSTED
from clv_warehouse.project.sql import quoted

_NEWEST = """
    select build_id, ended_at, load_number, why_incomplete
    from {source}monitoring.builds
    where command <> 'test'
    order by build_number desc
    limit 1
"""
_LOADED = "select number, loaded_at from {source}raw.loads order by number desc limit 1"
_CUSTOMERS = "select count(*) from {source}clv.customer_lifetime_value"


# Of the data of a build that is complete.
_STOP = """
    select statement, what_to_do
    from {source}monitoring.alarms
    where severity = 'stop'
    order by check_name, subject, group_name
    limit 1
"""


class StoppedBuildError(PublishError):
    """The data of the warehouse raise an alarm that stops its publication."""

    exit_code = UNTRUSTED


class IncompleteBuildError(PublishError):
    """What the warehouse holds is not one complete, tested build."""


@dataclass(frozen=True)
class Build:
    """The newest build of a warehouse.

    Attributes:
        build_id: its id in monitoring.builds; None where the warehouse has no record.
        ended_at: when it ended, UTC; None while it runs, or if it was stopped.
        why_incomplete: why it is not complete, or not what the warehouse holds, and
            what to do; None if it may be published.

    """

    build_id: str | None
    ended_at: dt.datetime | None
    why_incomplete: str | None


def newest_build(
    connection: duckdb.DuckDBPyConnection, database: str | None = None
) -> Build:
    """Return the newest build of a warehouse, which may be an attached `database`."""
    source = _source(database)
    found = _first(connection, _NEWEST.format(source=source))
    if found is None:
        return Build(None, None, "It has no record of a build. Run dbt build.")
    build_id, ended_at, load_number, why_incomplete = found
    if why_incomplete is None:
        loaded = _first(connection, _LOADED.format(source=source))
        customers = _first(connection, _CUSTOMERS.format(source=source))
        if loaded and loaded[0] != load_number:
            why_incomplete = (
                f"Data was loaded at {loaded[1]:%Y-%m-%d %H:%M} UTC, after that build. "
                "Run dbt build."
            )
        elif customers == (0,):
            why_incomplete = (
                "It has no customer. See which rows were rejected, and why, in "
                "orders.rejected_records; mend that and run dbt build."
            )
    return Build(build_id, ended_at, why_incomplete)


def complete_build(
    connection: duckdb.DuckDBPyConnection,
    database: str | None = None,
    is_forced: bool = False,
) -> Build:
    """Return the newest build of a warehouse if it is complete, or if `is_forced`.

    Raises IncompleteBuildError otherwise, and StoppedBuildError if its data raise an
    alarm that stops it.
    """
    build = newest_build(connection, database)
    if build.why_incomplete and not is_forced:
        raise IncompleteBuildError(
            "The warehouse is not one complete, tested build, so that its tables may "
            f"disagree. {build.why_incomplete}"
        )
    stop = _first(connection, _STOP.format(source=_source(database)))
    if stop and not is_forced:
        raise StoppedBuildError(
            "The data of the warehouse cannot be trusted, so nothing is published: "
            f"{stop[0]} {stop[1]} monitoring.alarms says more; --force does it all the "
            "same."
        )
    return build


def _source(database: str | None) -> str:
    """What the names of tables begin with, of an attached database."""
    return f"{quoted(database)}." if database else ""


def _first(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...] | None:
    """Return the first row; None without one, or where a table is not there."""
    try:
        rows = connection.execute(query).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
    return rows[0] if rows else None
