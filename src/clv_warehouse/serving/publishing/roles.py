"""Gives roles of PostgreSQL some columns and rows of the published tables.

A YAML file says which role reads what. Each role gets a schema of its name, with a view
per table that it may read, which has the role's columns and rows only; it gets no right
on what is behind the views. The views are made anew with each publication, in the same
transaction as the published ones.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from clv_warehouse.project.contracts import PublishError, Table
from clv_warehouse.project.sql import quoted
from clv_warehouse.project.yaml_files import read_yaml
from clv_warehouse.serving.publishing.texts import STAY, postgres_literal

# Who is where; tables without the column of a rule follow it by the customer.
PEOPLE = "profiles.customer_profiles"
KEY = "customer_key"
# By this comment the schemas are known that are ours to write anew.
MARK = "Made by publish.py --roles: what this role may read."
NAME = re.compile("[a-z_][a-z0-9_]{0,62}")
FORM = (
    "Each role has `tables`, by SCHEMA.TABLE a list of columns or `all`, and may have "
    "`rows`, by column a list of values; docs/privacy.md shows an example."
)
OURS = f"""
    select schemas.nspname::text, views.relname::text
    from pg_namespace as schemas
    left join pg_class as views
        on views.relnamespace = schemas.oid and views.relkind = 'v'
    where obj_description(schemas.oid, 'pg_namespace') = {postgres_literal(MARK)}
    order by 1, 2
"""


@dataclass(frozen=True)
class Role:
    """Who may read what.

    Attributes:
        name: of the role in PostgreSQL, and of its schema.
        columns: the columns that it may read, by table.
        rows: the values that a row must have, by column of the customers' table.

    """

    name: str
    columns: Mapping[Table, tuple[str, ...]]
    rows: Mapping[str, tuple[str, ...]]

    def view_sql(self, table: Table) -> str:
        """The query of the role's view of a table."""
        names = {column.name for column in table.columns}
        condition = " and ".join(
            f"{quoted(column)} in ({', '.join(map(postgres_literal, values))})"
            for column, values in self.rows.items()
        )
        if not self.rows.keys() <= names:
            people = ".".join(map(quoted, PEOPLE.split(".")))
            condition = f"{KEY} in (select {KEY} from {people} where {condition})"
        where = f" where {condition}" if condition else ""
        columns = ", ".join(map(quoted, self.columns[table]))
        return f"select {columns} from {table.sql}{where}"


def read_roles(path: Path, tables: Sequence[Table]) -> tuple[Role, ...]:
    """The roles that a YAML file names.

    Raises PublishError where the file cannot be read, or names a table or a column that
    is not published, or where a rule on rows does not say which rows of a table a role
    may read.
    """
    try:
        told = read_yaml(path)
    except OSError as error:
        raise PublishError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PublishError(f"{path} is no YAML: {error}. {FORM}") from error
    if not isinstance(told, dict) or not told:
        raise PublishError(f"{path} names no role. {FORM}")
    schemas = {table.schema for table in tables}
    published = {table.full_name: table for table in tables}
    roles = []
    for name, rules in told.items():
        where = f"{path}, role {name}"
        if not NAME.fullmatch(str(name)) or str(name).startswith("pg_"):
            raise PublishError(
                f"{where}: a role's name here has small letters, digits and _ only."
            )
        if name in schemas:
            raise PublishError(f"{where}: {name} is a schema of published tables.")
        if not isinstance(rules, dict) or not {"tables"} <= rules.keys() <= {
            "tables",
            "rows",
        }:
            raise PublishError(f"{where}: {FORM}")
        rows = _rows(rules.get("rows") or {}, where, published.get(PEOPLE))
        if not isinstance(rules["tables"], dict) or not rules["tables"]:
            raise PublishError(f"{where}: {FORM}")
        columns = {}
        for table_name, chosen in rules["tables"].items():
            if table_name not in published:
                raise PublishError(
                    f"{where}: {table_name} is no published table; docs/tables.md has "
                    "all."
                )
            table = published[table_name]
            columns[table] = _columns(table, chosen, where)
            names = {column.name for column in table.columns}
            if rows and KEY not in names and not rows.keys() <= names:
                missing = ", ".join(sorted(rows.keys() - names))
                raise PublishError(
                    f"{where}: {table_name} has neither {missing} nor {KEY}, so that "
                    "its rows cannot be told. Leave it out, or give it to a role "
                    "without rows."
                )
        twice = [one.name for one in columns if _count(columns, one.name) > 1]
        if twice:
            raise PublishError(f"{where}: two tables are named {twice[0]}.")
        roles.append(Role(str(name), columns, rows))
    return tuple(roles)


def check_roles(
    cursor: Any, roles: Sequence[Role], reader: str | None, published: str
) -> None:
    """Raise PublishError, before anything is loaded, if a role cannot have its views.

    A role that may read published tables as a whole, by a grant or as a member of
    another, would read past its views. `published` is the query of published views.
    """
    for role in roles:
        if role.name == reader:
            raise PublishError(
                f"Role {role.name} is the --reader, who reads all tables, and cannot "
                "be in the file of roles too."
            )
        if not _role_is_there(cursor, role.name):
            cursor.execute(
                "select rolcreaterole or rolsuper from pg_roles "
                "where rolname = current_user"
            )
            if not cursor.fetchone()[0]:
                raise PublishError(
                    f"No role {role.name} in PostgreSQL, and the role that publishes "
                    "may not create it. Create it: create role "
                    f"{quoted(role.name)} login. {STAY}"
                )
            continue
        name = postgres_literal(role.name)
        cursor.execute(
            f"select quote_ident(schema) || '.' || quote_ident(name) "
            f"from ({published}) as published "
            f"where has_any_column_privilege({name}, oid::oid, 'select') limit 1"
        )
        if found := cursor.fetchone():
            raise PublishError(
                f"Role {role.name} may read {found[0]} as a whole, past the columns "
                "and rows of its views. Take that right: revoke all on "
                f"{found[0]} from {quoted(role.name)}, or from the role or public that "
                f"has it. {STAY}"
            )
    ours = {schema for schema, _ in ours_in(cursor)}
    for role in roles:
        cursor.execute(
            "select count(*) from pg_namespace where nspname = "
            f"{postgres_literal(role.name)}"
        )
        if cursor.fetchone()[0] and role.name not in ours:
            raise PublishError(
                f"Schema {role.name} is in this database already, and not by "
                f"publish.py. Rename it, or the role. {STAY}"
            )


def ours_in(cursor: Any) -> list[tuple[str, str | None]]:
    """The schemas of roles that were made here, each with each of its views."""
    cursor.execute(OURS)
    found: list[tuple[str, str | None]] = cursor.fetchall()
    return found


def drop_statements(
    ours: Sequence[tuple[str, str | None]], roles: Sequence[Role]
) -> Iterator[str]:
    """The statements that drop the views, and the schemas of roles that are gone."""
    for schema, view in ours:
        if view:
            yield f"drop view {quoted(schema)}.{quoted(view)}"
    for schema in sorted(
        {schema for schema, _ in ours} - {role.name for role in roles}
    ):
        yield f"drop schema {quoted(schema)}"


def make_statements(roles: Sequence[Role]) -> Iterator[str]:
    """The statements that make roles that lack, schemas, views and rights."""
    for role in roles:
        name = quoted(role.name)
        yield (
            f"if to_regrole({postgres_literal(name)}) is null then "
            f"create role {name} login; end if"
        )
        yield (
            f"if to_regnamespace({postgres_literal(name)}) is null then "
            f"create schema {name}; "
            f"comment on schema {name} is {postgres_literal(MARK)}; end if"
        )
        yield f"grant usage on schema {name} to {name}"
        for table in role.columns:
            view = f"{name}.{quoted(table.name)}"
            # Without it, a function in a query could see the rows that are left out.
            yield (
                f"create view {view} with (security_barrier) as {role.view_sql(table)}"
            )
            yield f"grant select on {view} to {name}"
            yield (f"comment on view {view} is {postgres_literal(table.description)}")
            for column in table.columns:
                if column.name in role.columns[table]:
                    yield (
                        f"comment on column {view}.{quoted(column.name)} is "
                        f"{postgres_literal(column.description)}"
                    )


def _rows(told: Any, where: str, people: Table | None) -> dict[str, tuple[str, ...]]:
    """The rule on rows; each column must be one of the customers' table."""
    if not isinstance(told, dict):
        raise PublishError(f"{where}: {FORM}")
    names = {column.name for column in people.columns} if people else set()
    rows = {}
    for column, values in told.items():
        if column not in names:
            raise PublishError(f"{where}: {PEOPLE} has no column {column} for rows.")
        values = values if isinstance(values, list) else [values]
        if not values or any(isinstance(each, (dict, list)) for each in values):
            raise PublishError(f"{where}: rows of {column} must be a list of values.")
        rows[column] = tuple(map(str, values))
    return rows


def _columns(table: Table, chosen: Any, where: str) -> tuple[str, ...]:
    names = tuple(column.name for column in table.columns)
    if chosen == "all":
        return names
    if not isinstance(chosen, list) or not chosen:
        raise PublishError(
            f"{where}, {table.full_name}: name its columns as a list, or say all."
        )
    for each in chosen:
        if each not in names:
            raise PublishError(f"{where}: {table.full_name} has no column {each}.")
    return tuple(dict.fromkeys(chosen))


def _count(columns: Mapping[Table, Any], name: str) -> int:
    return sum(table.name == name for table in columns)


def _role_is_there(cursor: Any, name: str) -> bool:
    cursor.execute(
        f"select count(*) from pg_roles where rolname = {postgres_literal(name)}"
    )
    return bool(cursor.fetchone()[0])
