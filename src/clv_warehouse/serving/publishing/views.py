"""Points the views that people query in PostgreSQL at newly loaded tables."""

import json
import random
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import adbc_driver_postgresql.dbapi as adbc

from clv_warehouse.project.contracts import PublishError, Table
from clv_warehouse.project.report import Report
from clv_warehouse.project.sql import quoted
from clv_warehouse.serving.publishing.roles import (
    Role,
    drop_statements,
    make_statements,
    ours_in,
)
from clv_warehouse.serving.publishing.texts import STAY, postgres_literal

LOADED = r"^published_\d{8}t\d{12}$"
# Lock timeout, statement timeout, deadlock: each means that readers are in the way.
BUSY = ("55P03", "57014", "40P01")
SECONDS_OF_LOOKING = 3.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.005, 5.0
LOCK_TIMEOUT_MS = 2_000

# Our views, and the schema of the table that each reads now.
PUBLISHED = f"""
    select distinct
        views.oid::bigint as oid,
        view_schemas.nspname::text as schema,
        views.relname::text as name,
        table_schemas.nspname::text as loaded
    from pg_class as views
    inner join pg_namespace as view_schemas on view_schemas.oid = views.relnamespace
    inner join pg_rewrite as rules on rules.ev_class = views.oid
    inner join pg_depend as uses
        on uses.classid = 'pg_rewrite'::regclass and uses.objid = rules.oid
        and uses.refclassid = 'pg_class'::regclass
    inner join pg_class as tables on tables.oid = uses.refobjid
    inner join pg_namespace as table_schemas on table_schemas.oid = tables.relnamespace
    where views.relkind = 'v' and table_schemas.nspname ~ '{LOADED}'
        and tables.relname = view_schemas.nspname || '.' || views.relname
"""
# Whatever others have built on a relation.
DEPENDANTS = """
    select distinct
        rules.ev_class::regclass::text as name,
        schemas.nspname::text as schema
    from pg_depend as uses
    inner join pg_rewrite as rules
        on uses.classid = 'pg_rewrite'::regclass and uses.objid = rules.oid
    inner join pg_class as views on views.oid = rules.ev_class
    inner join pg_namespace as schemas on schemas.oid = views.relnamespace
    where uses.refclassid = 'pg_class'::regclass and uses.refobjid = {oid}
        and rules.ev_class <> {oid}
"""
HOLDERS = """
    select
        'process ' || sessions.pid || ' (' || sessions.usename
        || coalesce(', ' || nullif(sessions.application_name, ''), '') || ') holds '
        || locks.relation::regclass || ' since '
        || to_char(sessions.xact_start at time zone 'UTC', 'HH24:MI:SS') || ' UTC'
    from pg_locks as locks
    inner join pg_stat_activity as sessions on sessions.pid = locks.pid
    where locks.granted and locks.pid <> pg_backend_pid()
        and locks.relation in ({oids})
    order by sessions.xact_start
    limit 1
"""

TAKEN = "select 1 where to_regclass({name}) is not null"
DEADLOCK_MS = """
    select setting::bigint from pg_settings where name = 'deadlock_timeout'
"""
LOADED_TABLES = """
    select tablename::text from pg_tables where schemaname = '{schema}'
"""

Types = Mapping[Table, Mapping[str, str]]


def loaded_name(schema: str, table: Table) -> str:
    """Return the name of a table in the schema that it is loaded into."""
    return f"{schema}.{quoted(table.full_name)}"


def check_views(cursor: Any, types: Types, roles: Sequence[Role]) -> None:
    """Raise PublishError if a view could not be swapped, before anything is loaded.

    A view cannot be swapped if something else has its name, or if a column is gone or
    has another type and something is built on the view. The views of roles are no
    hindrance where `roles` are given, for then they are made anew.
    """
    ours = {schema for schema, _ in ours_in(cursor)} if roles else set()
    published = {(row[1], row[2]): row[0] for row in _rows(cursor, PUBLISHED)}
    for table, columns in types.items():
        oid = published.get((table.schema, table.name))
        if oid is None:
            taken = _rows(cursor, TAKEN.format(name=postgres_literal(table.sql)))
            if taken:
                raise PublishError(
                    f"{table.full_name} is in this database already, and not by "
                    "publish.py. Publish to a database of its own, or rename that one."
                )
            continue
        changed = _changed(_columns(cursor, oid), columns)
        if changed:
            _require_alone(cursor, oid, table.full_name, changed, ours)
    for (schema, name), oid in published.items():
        if (schema, name) not in {(table.schema, table.name) for table in types}:
            _require_alone(
                cursor, oid, f"{schema}.{name}", "the project has it no longer", ours
            )


def loaded_schemas(cursor: Any) -> set[str]:
    """Return the schemas whose tables the views read now."""
    return {row[3] for row in _rows(cursor, PUBLISHED)}


def check_rights(cursor: Any, types: Types, reader: str | None) -> None:
    """Raise PublishError if the role that publishes may not do all of it.

    It creates schemas, and views in schemas that are there already; a view is made
    anew by its owner. To let `reader` use a schema, the role must own the schema or
    have that right to give.
    """
    ((role, database, may_create),) = _rows(
        cursor,
        "select quote_ident(current_user), quote_ident(current_database()), "
        "has_database_privilege(current_database(), 'create')",
    )
    if not may_create:
        raise PublishError(
            f"PostgreSQL: the role {role} may not create schemas. Let it: grant create "
            f"on database {database} to {role}. {STAY}"
        )
    schemas = ", ".join(postgres_literal(table.schema) for table in types)
    may_give = "and has_schema_privilege(oid, 'usage with grant option')"
    others = _rows(
        cursor,
        "select 'schema ' || quote_ident(nspname) from pg_namespace "
        f"where nspname in ({schemas}) and not (pg_has_role(nspowner, 'usage') "
        f"or has_schema_privilege(oid, 'create') {may_give if reader else ''})",
    )
    for oid, schema, name, _ in _rows(cursor, PUBLISHED):
        view = postgres_literal(f"view {quoted(schema)}.{quoted(name)}")
        others += _rows(
            cursor,
            f"select {view} from pg_class where oid = {oid} "
            "and not pg_has_role(relowner, 'usage')",
        )
    if others:
        raise PublishError(
            f"PostgreSQL: {others[0][0]} is another role's. Let the role that "
            f"publishes own it: alter {others[0][0]} owner to {role}. {STAY}"
        )


def swap(
    connection: Any,
    cursor: Any,
    schema: str,
    types: Types,
    reader: str | None,
    wait_seconds: float,
    roles: Sequence[Role] = (),
) -> None:
    """Point all views at the tables in `schema`, in one transaction.

    If there are `roles`, their views are made anew in it.

    The swap must lock all views for an instant. First it tries many times whether all
    locks are free, which disturbs nobody. If readers leave no such moment, it waits in
    line for the views, in a different order each time, and gives up well before
    PostgreSQL looks for a deadlock, so no reader ever fails. Raises PublishError if it
    has not succeeded after `wait_seconds`.
    """
    ((deadlock_ms,),) = _rows(cursor, DEADLOCK_MS)
    started = time.monotonic()
    pause = SHORTEST_PAUSE
    while True:
        is_looking = time.monotonic() - started < SECONDS_OF_LOOKING
        published = _rows(cursor, PUBLISHED)
        ours = ours_in(cursor) if roles else []
        statement = _swap_statement(
            cursor, published, schema, types, reader, ours, roles
        )
        connection.commit()
        try:
            cursor.execute(f"set local statement_timeout = {deadlock_ms * 4 // 5}")
            if published:
                names = [f"{quoted(row[1])}.{quoted(row[2])}" for row in published]
                names += [f"{quoted(one)}.{quoted(two)}" for one, two in ours if two]
                random.shuffle(names)
                cursor.execute(
                    f"lock table {', '.join(names)} in access exclusive mode"
                    + (" nowait" if is_looking else "")
                )
            cursor.execute(f"do {postgres_literal(statement)}")
            connection.commit()
            return
        except adbc.Error as error:
            connection.rollback()
            if getattr(error, "sqlstate", None) not in BUSY:
                raise
            if time.monotonic() - started >= wait_seconds:
                raise PublishError(
                    f"The tables are loaded, but readers hold the old ones: "
                    f"{_holder(cursor, published)}. End that, or give a longer --wait. "
                    f"{STAY}"
                ) from error
        if not is_looking:
            pause = min(2 * pause, LONGEST_PAUSE)
        time.sleep(pause * random.uniform(0.5, 1.5))


def drop_unused(connection: Any, cursor: Any, report: Report) -> None:
    """Drop loaded schemas that no published view reads: old, or left by a killed run.

    Schemas that somebody is reading, or has built something on, are left for later.
    """
    used = loaded_schemas(cursor)
    loaded = _rows(
        cursor, f"select nspname::text from pg_namespace where nspname ~ '{LOADED}'"
    )
    for (schema,) in loaded:
        if schema in used:
            continue
        names = _rows(cursor, LOADED_TABLES.format(schema=schema))
        try:
            cursor.execute(f"set local lock_timeout = {LOCK_TIMEOUT_MS}")
            for (name,) in names:
                cursor.execute(f"drop table {schema}.{quoted(name)}")
            cursor.execute(f"drop schema {schema}")
            connection.commit()
        except adbc.Error as error:
            connection.rollback()
            if getattr(error, "sqlstate", None) not in (*BUSY, "2BP01"):
                raise
            report(
                f"Old tables in {schema} are in use; the next publish tries to drop "
                "them again."
            )
    connection.commit()


def _swap_statement(
    cursor: Any,
    published: list[tuple[Any, ...]],
    schema: str,
    types: Types,
    reader: str | None,
    ours: Sequence[tuple[str, str | None]],
    roles: Sequence[Role],
) -> str:
    """Write the body of a `do` statement: one round trip while nobody else can read."""
    known = {(row[1], row[2]): row[0] for row in published}
    steps = [*drop_statements(ours, roles)]
    for name in sorted({table.schema for table in types}):
        # Not `if not exists`: that needs the right to create the schema in any case.
        steps.append(
            f"if to_regnamespace({postgres_literal(quoted(name))}) is null then "
            f"create schema {quoted(name)}; end if"
        )
        if reader:
            steps.append(f"grant usage on schema {quoted(name)} to {quoted(reader)}")
    for table, columns in types.items():
        oid = known.pop((table.schema, table.name), None)
        there = _columns(cursor, oid) if oid else {}
        grants: list[str] = []
        if _changed(there, columns):
            assert oid is not None
            grants = _grants(cursor, oid, table)
            steps.append(f"drop view {table.sql}")
            there = {}
        # A view's columns keep their places; new ones come last.
        order = [*there, *(name for name in columns if name not in there)]
        steps.append(
            f"create or replace view {table.sql} as "
            f"select {', '.join(map(quoted, order))} from {loaded_name(schema, table)}"
        )
        steps.extend(grants)
        if reader:
            steps.append(f"grant select on {table.sql} to {quoted(reader)}")
        steps.append(
            f"comment on view {table.sql} is {postgres_literal(table.description)}"
        )
        steps.extend(
            f"comment on column {table.sql}.{quoted(column.name)} "
            f"is {postgres_literal(column.description)}"
            for column in table.columns
        )
    steps.extend(f"drop view {quoted(one)}.{quoted(two)}" for one, two in sorted(known))
    steps.extend(make_statements(roles))
    return "begin\n" + "".join(f"{step};\n" for step in steps) + "end"


def _rows(cursor: Any, query: str) -> list[tuple[Any, ...]]:
    cursor.execute(query)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _columns(cursor: Any, oid: int) -> dict[str, str]:
    """Return a view's columns and types, in its order."""
    return dict(
        _rows(
            cursor,
            "select attname::text, format_type(atttypid, atttypmod) from pg_attribute "
            f"where attrelid = {oid} and attnum > 0 and not attisdropped "
            "order by attnum",
        )
    )


def _changed(there: Mapping[str, str], columns: Mapping[str, str]) -> str:
    """Return which changes need the view to be made anew; empty if there are none."""
    for name, data_type in there.items():
        if name not in columns:
            return f"the project has its column {name} no longer"
        if _plain(data_type) != _plain(columns[name]):
            return f"its column {name} was {data_type} and is to be {columns[name]}"
    return ""


def _plain(data_type: str) -> str:
    """Return one name for a type: PostgreSQL has longer names for times."""
    for short, long in (
        ("timestamp", "timestamp without time zone"),
        ("timestamptz", "timestamp with time zone"),
    ):
        data_type = data_type.replace(long, short)
    return data_type.replace(" ", "")


def _require_alone(
    cursor: Any, oid: int, name: str, why: str, ours: Collection[str]
) -> None:
    """Raise PublishError if something is built on a view that must be dropped.

    What is in the schemas `ours` does not count.
    """
    found = _rows(cursor, DEPENDANTS.format(oid=oid))
    dependants = [row[0] for row in found if row[1] not in ours]
    if dependants:
        raise PublishError(
            f"{name} has to be made anew, for {why}, but {', '.join(dependants)} "
            "is built on it. Keep its definition (pg_get_viewdef), drop it, publish, "
            "and create it again; views of roles are made anew with --roles. "
            f"{STAY}"
        )


def _grants(cursor: Any, oid: int, table: Table) -> list[str]:
    """Return the SQL that gives the grants of a view and its columns again."""
    rows = _rows(
        cursor,
        "select json_build_array(grants.privilege_type, grants.grantee::regrole, "
        "grants.grantee = 0, grants.is_grantable, given.name)::text "
        "from pg_class as views inner join lateral ("
        "select null::name as name, views.relacl as rights union all "
        "select attname, attacl from pg_attribute "
        "where attrelid = views.oid and not attisdropped) as given on true "
        "cross join lateral aclexplode(given.rights) as grants "
        f"where views.oid = {oid} and grants.grantee <> views.relowner",
    )
    there = {column.name for column in table.columns}
    statements = []
    for (text,) in rows:
        privilege, role, is_public, is_grantable, column = json.loads(text)
        if column is not None and column not in there:
            continue
        of = f" ({quoted(column)})" if column is not None else ""
        to = "public" if is_public else role
        more = " with grant option" if is_grantable else ""
        statements.append(f"grant {privilege}{of} on {table.sql} to {to}{more}")
    return statements


def _holder(cursor: Any, published: list[tuple[Any, ...]]) -> str:
    oids = ", ".join(str(row[0]) for row in published)
    found = _rows(cursor, HOLDERS.format(oids=oids)) if oids else []
    return str(found[0][0]) if found else "one that has just ended"
