"""Publishes the tables in PostgreSQL: views over tables loaded beside the old ones.

Each publication loads its tables into a schema of its own, published_TIME. One
transaction then points the views that people query, SCHEMA.TABLE, at them. A replaced
view stays the same object, so its grants and whatever people built on it stay too.
"""

import datetime as dt
import re
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import duckdb

from clv_warehouse.project.contracts import PublishError, Table
from clv_warehouse.project.report import Report
from clv_warehouse.project.sql import quoted
from clv_warehouse.serving.publishing.address import readable_address
from clv_warehouse.serving.publishing.roles import Role, check_roles
from clv_warehouse.serving.publishing.texts import STAY
from clv_warehouse.serving.publishing.views import (
    PUBLISHED,
    check_rights,
    check_views,
    drop_unused,
    loaded_name,
    loaded_schemas,
    swap,
)

# What libpq says when the server, or somebody on it, ends a session.
ENDED = re.compile("server closed the connection|terminating connection")
# The schema that a publication loads its tables into.
SCHEMA = "published_%Y%m%dt%H%M%S%f"
LOADERS = 2
ROWS_PER_BATCH = 100_000
SECONDS_BETWEEN_LOOKS = 0.2
ONE_PUBLISHER = 2_088_310_725  # the advisory lock; any number of our own
TYPES = {
    "boolean": "boolean",
    "tinyint": "smallint",
    "smallint": "smallint",
    "integer": "integer",
    "bigint": "bigint",
    "float": "real",
    "double": "double precision",
    "varchar": "text",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp with time zone": "timestamptz",
    "blob": "bytea",
}


def check_postgres(
    tables: tuple[Table, ...],
    dsn: str,
    reader: str | None,
    roles: tuple[Role, ...] = (),
) -> dt.datetime | None:
    """Try, before anything is copied, whether `publish_to_postgres` could do its work.

    Returns when the tables there were published, in UTC. Raises PublishError if the
    address cannot be read, the server does not let us in, another publishes, the role
    `reader` is not there, a right is missing, a view cannot be swapped, or one of the
    `roles` could read more than its views. It leaves nothing in the database.
    """
    types = {
        table: {
            column.name: _type(table, column.name, _of_contract(column.data_type))
            for column in table.columns
        }
        for table in tables
    }
    with _connected(dsn) as (connection, cursor):
        _require_free(cursor, types, reader, roles)
        _create_schema(cursor)
        connection.rollback()
        loaded = loaded_schemas(cursor)
    return max((dt.datetime.strptime(each, SCHEMA) for each in loaded), default=None)


def publish_to_postgres(
    serving: Path,
    tables: tuple[Table, ...],
    dsn: str,
    reader: str | None,
    wait_seconds: float,
    report: Report,
    roles: tuple[Role, ...] = (),
) -> int:
    """Publish a serving copy to the database at `dsn`; return the rows written.

    `reader` is a role that may then read the tables, and `roles` read their part of
    them; without any, the views of roles stay as they are. It waits up to
    `wait_seconds` for queries that read the old tables. Raises PublishError if
    something is in the way; people then go on seeing the last good tables.
    """
    with (
        duckdb.connect(serving, read_only=True) as source,
        _connected(dsn) as (connection, cursor),
    ):
        types = {table: _types(source, table) for table in tables}
        _require_free(cursor, types, reader, roles)
        connection.commit()
        drop_unused(connection, cursor, report)
        schema = _create_schema(cursor)
        connection.commit()
        rows = _load_all(source, cursor, types, dsn, schema, report)
        swap(connection, cursor, schema, types, reader, wait_seconds, roles)
        drop_unused(connection, cursor, report)
    return rows


@contextmanager
def _connected(dsn: str) -> Iterator[tuple[Any, Any]]:
    """Connect; turn any error into a PublishError and undo the transaction."""
    try:
        with (
            closing(adbc.connect(readable_address(dsn))) as connection,
            closing(connection.cursor()) as cursor,
        ):
            try:
                yield connection, cursor
            except BaseException:
                # Where the connection is gone, the error above says so, not this one.
                with suppress(adbc.Error):
                    connection.rollback()
                raise
    except adbc.Error as error:
        raise PublishError(_explained(error)) from None


def _require_free(
    cursor: Any,
    types: Mapping[Table, Mapping[str, str]],
    reader: str | None,
    roles: tuple[Role, ...],
) -> None:
    """Take the database for this publication; PublishError if it cannot be done."""
    cursor.execute(f"select pg_try_advisory_lock({ONE_PUBLISHER})")
    if not cursor.fetchone()[0]:
        raise PublishError(
            "Another publish.py is writing to this database. Try again when it has "
            "ended."
        )
    if reader:
        _require_role(cursor, reader)
    check_rights(cursor, types, reader)
    check_roles(cursor, roles, reader, PUBLISHED)
    check_views(cursor, types, roles)


def _create_schema(cursor: Any) -> str:
    """Create the schema that the tables of this publication are loaded into."""
    now = dt.datetime.now(dt.UTC)
    schema = now.strftime(SCHEMA)
    cursor.execute(f"create schema {schema}")
    return schema


def _explained(error: Exception) -> str:
    """Return PostgreSQL's message and what to do."""
    # The driver adds its own status before the message, and a code or the query after.
    said = re.split(r"\n\n|\nQuery was|\n?\. SQLSTATE|\tThis prob", str(error))[0]
    said = re.sub(r"^[A-Z_]+: |\[libpq\] |.*PGRES_FATAL_ERROR|ERROR: ", "", said)
    said = " ".join(said.split()).rstrip(".")
    ways_out = {
        "42501": "Let the role that publishes create schemas: grant create on database "
        "... to ...; and let it own the schemas that are published.",
        "53100": "Free disk space on the server.",
        "28P01": "Check user and password, or the file ~/.pgpass.",
        "25006": "Name the primary server, or one that may be written to, in --dsn.",
        "57014": "Somebody cancelled it, or a limit such as statement_timeout did.",
    }
    state = getattr(error, "sqlstate", None)
    way_out = ways_out.get(str(state), "")
    if not way_out and re.search("could not connect|connection to server", said):
        way_out = (
            "Check host, port, database and user of --dsn, and the password, which "
            "stands there percent-encoded or in ~/.pgpass."
        )
    elif not way_out and ENDED.search(said):
        way_out = (
            "The connection ended: the server was stopped or restarted, or somebody "
            "ended the session. The server's log says which. Then publish again."
        )
    return f"PostgreSQL: {said}. {way_out}".strip() + f" {STAY}"


def _of_contract(data_type: str) -> str:
    """Return DuckDB's own name of a type that a contract names."""
    return str(duckdb.type(data_type)).lower()


def _types(source: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
    """Return PostgreSQL's types by column; PublishError where there is none."""
    relation = source.table(table.full_name)
    return {
        name: _type(table, name, str(data_type).lower())
        for name, data_type in zip(relation.columns, relation.types, strict=True)
    }


def _type(table: Table, column: str, data_type: str) -> str:
    if data_type.endswith("[]"):
        return f"{_type(table, column, data_type[:-2])}[]"
    if data_type.startswith("decimal"):
        return data_type.replace("decimal", "numeric")
    if data_type not in TYPES:
        raise PublishError(
            f"{table.full_name}, column {column}: PostgreSQL gets no type for "
            f"{data_type}. Cast it in the model to one of: {', '.join(TYPES)}, decimal."
        )
    return TYPES[data_type]


def _require_role(cursor: Any, role: str) -> None:
    cursor.execute("select count(*) from pg_roles where rolname = $1", (role,))
    if cursor.fetchone()[0] == 0:
        raise PublishError(
            f"No role {role} in PostgreSQL. Create it: create role {quoted(role)} "
            "login; or name another with --reader."
        )


def _load_all(
    source: duckdb.DuckDBPyConnection,
    main: Any,
    types: Mapping[Table, Mapping[str, str]],
    dsn: str,
    schema: str,
    report: Report,
) -> int:
    """Load all tables, a few at once, the largest first; return the number of rows.

    Each has a session of its own. If one fails, or a person stops the publication, the
    cursor `main` ends the others.
    """
    sizes = {
        table: source.execute(f"select count(*) from {table.sql}").fetchall()[0][0]
        for table in types
    }
    # The columns by which other tables are joined.
    keys = {table.key[0] for table in types if len(table.key) == 1}

    sessions: list[int] = []

    def load(table: Table) -> int:
        started = time.monotonic()
        with _connected(dsn) as (connection, cursor), source.cursor() as reading:
            cursor.execute("select pg_backend_pid()")
            session = cursor.fetchone()[0]
            sessions.append(session)
            try:
                _load(reading, cursor, schema, table, types[table])
                _index(cursor, schema, table, keys)
                cursor.execute(f"analyze {loaded_name(schema, table)}")
                connection.commit()
            finally:
                sessions.remove(session)
        seconds = time.monotonic() - started
        report(f"{table.full_name}: {sizes[table]:,} rows in {seconds:.1f} s")
        return int(sizes[table])

    with ThreadPoolExecutor(LOADERS) as pool:
        loads = [
            pool.submit(load, table)
            for table in sorted(types, key=lambda table: -sizes[table])
        ]
        try:
            return sum(each.result() for each in loads)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # Those that had not begun never end, for nobody tells `wait` of them.
            begun = [each for each in loads if not each.cancelled()]
            # Otherwise a large table would be loaded to its end first. To cancel its
            # statement is not enough: the driver sends all rows before it looks.
            while wait(begun, SECONDS_BETWEEN_LOOKS).not_done:
                for session in tuple(sessions):
                    with suppress(adbc.Error):
                        main.execute(f"select pg_terminate_backend({session})")
            raise


def _load(
    source: duckdb.DuckDBPyConnection,
    cursor: Any,
    schema: str,
    table: Table,
    types: Mapping[str, str],
) -> None:
    columns = ", ".join(f"{quoted(name)} {each}" for name, each in types.items())
    cursor.execute(f"create table {loaded_name(schema, table)} ({columns})")
    batches = source.sql(f"from {table.sql}").to_arrow_reader(ROWS_PER_BATCH)
    try:
        cursor.adbc_ingest(
            table.full_name, batches, mode="append", db_schema_name=schema
        )
    except adbc.Error as error:
        if getattr(error, "sqlstate", None) == "22021":
            raise PublishError(_text_with_nul(source, table)) from error
        raise PublishError(f"{table.full_name}: {_explained(error)}") from None


def _text_with_nul(source: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Return where the text is that PostgreSQL cannot hold."""
    for column in table.columns:
        found = source.execute(
            f"select {quoted(column.name)}::varchar from {table.sql} "
            f"where contains({quoted(column.name)}::varchar, chr(0)) limit 1"
        ).fetchall()
        if found:
            return (
                f"{table.full_name}, column {column.name}: {found[0][0]!r} has a "
                "character of code 0, which PostgreSQL has not. Remove it at the "
                f"source, or in the model: replace(..., chr(0), ''). {STAY}"
            )
    return f"{table.full_name} has text that is not UTF-8. {STAY}"


def _index(cursor: Any, schema: str, table: Table, keys: Collection[str]) -> None:
    """Index the table's keys, and the columns that are other tables' keys."""
    name = loaded_name(schema, table)
    for key in table.keys:
        columns = ", ".join(map(quoted, key))
        try:
            cursor.execute(f"create unique index on {name} ({columns})")
        except adbc.Error as error:
            raise PublishError(
                f"{table.full_name}: rows share {', '.join(key)}, which the project's "
                f"tests say is unique. See which: dbt test --select {table.name}. "
                f"({_explained(error)})"
            ) from error
    leading = {key[0] for key in table.keys}
    for column in table.columns:
        if column.name in keys and column.name not in leading:
            cursor.execute(f"create index on {name} ({quoted(column.name)})")
