"""Which rows of a database are about one customer, whatever its tables are.

Erasure, subject access and the published forms all ask this, of any table that is there
and not only of those that the project knows today.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.sql import literal, quoted

KEY = "customer_key"
ORDER = "order_id"
UNIT = "unit"
_TEXTS = ("VARCHAR", "JSON", "STRUCT", "MAP")


@dataclass(frozen=True)
class Subject:
    """A customer.

    Attributes:
        customer_key: by which tables know the customer.
        order_ids: those of their orders in the warehouse.
        units: by which experiments know them; a unit is a hash of the experiment and
            of the customer's sample point.

    """

    customer_key: str
    order_ids: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


def subject_of(
    connection: duckdb.DuckDBPyConnection,
    catalog: str,
    customer_key: str,
    sample_point: float,
) -> Subject:
    """A customer with the orders that any table says are theirs, and their units."""
    columns = columns_of(connection, catalog)
    ids: set[str] = set()
    units: set[str] = set()
    for (schema, table), found in columns.items():
        if UNIT in found and "experiment_id" in found:
            point = f"cast({literal(repr(sample_point))} as double)"
            unit = sql_of("experiment_unit", "experiment_id", point)
            units |= {
                each
                for (each,) in connection.execute(
                    f"select distinct {unit} from "
                    f"{quoted(catalog)}.{quoted(schema)}.{quoted(table)}"
                ).fetchall()
            }
        # A review or a redemption may name an order of somebody else.
        if table.endswith("orders") and KEY in found and ORDER in found:
            ids |= {
                order
                for (order,) in connection.execute(
                    f"select distinct cast({ORDER} as varchar) from "
                    f"{quoted(catalog)}.{quoted(schema)}.{quoted(table)} "
                    f"where {KEY} = ? and {ORDER} is not null",
                    [customer_key],
                ).fetchall()
            }
    return Subject(customer_key, tuple(sorted(ids)), tuple(sorted(units)))


def columns_of(
    connection: duckdb.DuckDBPyConnection, catalog: str
) -> dict[tuple[str, str], dict[str, str]]:
    """The columns and types of the tables of a catalog, without raw and views."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, data_type in connection.execute(
        "select columns.schema_name, columns.table_name, column_name, data_type "
        "from duckdb_columns() as columns "
        "semi join duckdb_tables() as tables on "
        "columns.database_name = tables.database_name "
        "and columns.schema_name = tables.schema_name "
        "and columns.table_name = tables.table_name "
        "where columns.database_name = ? and columns.schema_name != 'raw' "
        "order by columns.schema_name, columns.table_name, column_index",
        [catalog],
    ).fetchall():
        found.setdefault((schema, table), {})[column] = data_type
    return found


def about(columns: Mapping[str, str], subject: Subject) -> str | None:
    """The condition of the rows that are about a customer; None where none can be.

    DuckDB and PostgreSQL both read it.
    A table with a key or an order tells by it. Of others each text is searched, such as
    the records of rejected rows.
    """
    orders = [literal(each) for each in subject.order_ids]
    units = [literal(each) for each in subject.units]
    if KEY in columns:
        return f"{KEY} = {literal(subject.customer_key)}"
    if ORDER in columns:
        if not orders:
            return None
        return f"cast({ORDER} as varchar) in ({', '.join(orders)})"
    if UNIT in columns:
        return f"{UNIT} in ({', '.join(units)})" if units else None
    texts = [name for name, kind in columns.items() if kind.startswith(_TEXTS)]
    if not texts:
        return None
    named = [
        subject.customer_key,
        *(f'"{ORDER}":"{each}"' for each in subject.order_ids),
    ]
    found = [
        f"strpos(cast({quoted(name)} as varchar), {literal(text)}) > 0"
        for name in texts
        for text in (named if name == "record" else named[:1])
    ]
    if "record_id" in columns and orders:
        found.append(f"record_id in ({', '.join(orders)})")
    return f"coalesce({' or '.join(found)}, false)"


def delete_about(
    connection: duckdb.DuckDBPyConnection, catalog: str, subject: Subject
) -> dict[str, int]:
    """Delete the rows about a customer; how many of which table."""
    deleted: dict[str, int] = {}
    for (schema, table), columns in columns_of(connection, catalog).items():
        condition = about(columns, subject)
        if condition is None:
            continue
        ((rows,),) = connection.execute(
            f"delete from {quoted(catalog)}.{quoted(schema)}.{quoted(table)} "
            f"where {condition}"
        ).fetchall()
        if rows:
            deleted[f"{schema}.{table}"] = int(rows)
    return deleted


def select_about(
    connection: duckdb.DuckDBPyConnection, catalog: str, subject: Subject
) -> dict[str, Sequence[dict[str, object]]]:
    """The rows about a customer, by table."""
    selected: dict[str, Sequence[dict[str, object]]] = {}
    for (schema, table), columns in columns_of(connection, catalog).items():
        condition = about(columns, subject)
        if condition is None:
            continue
        rows = connection.execute(
            f"select * from {quoted(catalog)}.{quoted(schema)}.{quoted(table)} "
            f"where {condition}"
        ).fetchall()
        if rows:
            selected[f"{schema}.{table}"] = [
                dict(zip(columns, row, strict=True)) for row in rows
            ]
    return selected
