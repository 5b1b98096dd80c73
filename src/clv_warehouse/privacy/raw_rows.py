"""The rows of schema raw that are about one customer, by the shop's own id."""

import duckdb

from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.secrets import Secret
from clv_warehouse.project.sql import literal, quoted

# Tables of schema raw that are no feed.
NO_FEEDS = ("loads", "erased")


def feeds_there(
    connection: duckdb.DuckDBPyConnection, catalog: str
) -> dict[str, tuple[bool, list[str]]]:
    """By table of schema raw: whether its rows stay in place, and its columns."""
    found: dict[str, tuple[bool, list[str]]] = {}
    for name, is_view, column in connection.execute(
        "select columns.table_name, views.view_name is not null, column_name "
        "from duckdb_columns() as columns left join duckdb_views() as views "
        "on columns.database_name = views.database_name "
        "and columns.schema_name = views.schema_name "
        "and columns.table_name = views.view_name "
        "where columns.database_name = ? and columns.schema_name = 'raw' "
        "order by columns.table_name, column_index",
        [catalog],
    ).fetchall():
        if name not in NO_FEEDS:
            found.setdefault(name, (is_view, []))[1].append(column.lower())
    return found


def conditions(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    customer_key: str,
    secrets: tuple[Secret, ...],
) -> dict[str, tuple[bool, str]]:
    """By feed, whether it stays in place, and the condition of the customer's rows.

    Rows without a customer belong to whose order they name.
    """
    define_key_of(connection, secrets)
    feeds = feeds_there(connection, catalog)
    own: dict[str, str] = {}
    for name, (_, columns) in feeds.items():
        if "customer_id" in columns:
            table = f"{quoted(catalog)}.raw.{quoted(name)}"
            ids = [
                given
                for (given,) in connection.execute(
                    f"select id from (select distinct cast(customer_id as varchar) as "
                    f"id from {table}) where key_of(id) = ?",
                    [customer_key],
                ).fetchall()
            ]
            if ids:
                own[name] = (
                    f"cast(customer_id as varchar) in ({', '.join(map(literal, ids))})"
                )
    orders = {
        order
        for name, condition in own.items()
        if name.endswith("orders") and "order_id" in feeds[name][1]
        for (order,) in connection.execute(
            f"select distinct trim(cast(order_id as varchar)) from "
            f"{quoted(catalog)}.raw.{quoted(name)} where {condition} "
            "and order_id is not null"
        ).fetchall()
    }
    found = {name: (feeds[name][0], condition) for name, condition in own.items()}
    if orders:
        named = (
            f"trim(cast(order_id as varchar)) in ({', '.join(map(literal, orders))})"
        )
        for name, (is_view, columns) in feeds.items():
            if "order_id" in columns and not name.endswith("orders"):
                condition = named
                if "customer_id" in columns:
                    condition = f"customer_id is null and {named}"
                    if name in own:
                        condition = f"{own[name]} or ({condition})"
                found[name] = (is_view, condition)
    return found
