"""Takes a customer out of a warehouse, its vault and its backups, to the last byte."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from clv_warehouse.privacy.compacting import compact
from clv_warehouse.privacy.raw_rows import conditions
from clv_warehouse.privacy.tombstones import add_tombstones, tombstone_sql
from clv_warehouse.privacy.vault import read_rows, read_tombstones, rewrite
from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.opening import attach, catalog_of, explaining, trusted
from clv_warehouse.project.places import vault_of
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.secrets import Secret, hand_to
from clv_warehouse.project.sql import quoted
from clv_warehouse.project.subjects import (
    Subject,
    columns_of,
    delete_about,
    subject_of,
)


@dataclass
class Receipt:
    """What was deleted, by place and table, and what could not be.

    Attributes:
        deleted: rows, by place and then by table.
        left: what somebody has to do by hand, in sentences.

    """

    deleted: dict[str, dict[str, int]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Erased:
    """Who is erased: as the warehouse knows them, and what stays of them."""

    subject: Subject
    sample_point: float
    tombstones: tuple[str, ...]


def identified(customer_id: str, secrets: Sequence[Secret]) -> Erased:
    """The key of a customer, the sample point and the tombstones, by the shop's id.

    Raises CommandError for an id that names nobody.
    """
    with duckdb.connect() as connection:
        define_key_of(connection, secrets)
        folded = _folded("id")
        ((key, point, of_id, of_key),) = connection.execute(
            f"select key_of(id), {sql_of('sample_point', folded)}, "
            f"{tombstone_sql(folded)}, {tombstone_sql('key_of(id)')} "
            "from (select ? as id)",
            [customer_id],
        ).fetchall()
    if not key:
        raise CommandError(f"{customer_id!r} is no id of a customer.")
    return Erased(Subject(key), point, (of_id, of_key))


def with_units(warehouse: Path, erased: Erased, secrets: tuple[Secret, ...]) -> Erased:
    """The same customer, with a tombstone of the unit in each experiment.

    An older backup has the units, and no id by which the customer would be known.
    """
    if not warehouse.exists():
        return erased
    catalog = catalog_of(warehouse)
    with trusted(duckdb.connect()) as connection, explaining(warehouse):
        attach(connection, warehouse, catalog)
        hand_to(connection, secrets)
        units = subject_of(
            connection, catalog, erased.subject.customer_key, erased.sample_point
        ).units
        found = connection.execute(
            f"select {tombstone_sql('unit')} from unnest(?::varchar[]) as units (unit)",
            [list(units)],
        ).fetchall()
    return replace(
        erased, tombstones=(*erased.tombstones, *(each for (each,) in found))
    )


def erase_from_warehouse(
    warehouse: Path, erased: Erased, secrets: tuple[Secret, ...], receipt: Receipt
) -> Subject:
    """Delete the customer's rows, leave tombstones, and write the file anew.

    All rows go in one transaction, with the tombstones; a run that was cut short before
    the file was written anew is completed by the next. Returns the customer with the
    ids of their orders, by which published forms are searched.
    """
    catalog = catalog_of(warehouse)
    with trusted(duckdb.connect()) as connection, explaining(warehouse):
        attach(connection, warehouse, catalog, read_only=False)
        hand_to(connection, secrets)
        subject = subject_of(
            connection, catalog, erased.subject.customer_key, erased.sample_point
        )
        receipt.left += _networks_of(connection, catalog, subject.customer_key)
        connection.begin()
        deleted: dict[str, int] = {}
        for feed, (is_in_place, condition) in conditions(
            connection, catalog, subject.customer_key, secrets
        ).items():
            table = f"{quoted(catalog)}.raw.{quoted(feed)}"
            if is_in_place:
                receipt.left += _files_of(connection, table, feed, condition)
                continue
            ((rows,),) = connection.execute(
                f"delete from {table} where {condition}"
            ).fetchall()
            if rows:
                deleted[f"raw.{feed}"] = int(rows)
        deleted |= delete_about(connection, catalog, subject)
        add_tombstones(connection, catalog, erased.tombstones)
        connection.commit()
    receipt.deleted[str(warehouse)] = deleted
    compact(warehouse)
    return subject


def erase_from_vault(warehouse: Path, erased: Erased, receipt: Receipt) -> None:
    """Destroy the customer's key and fields, and leave tombstones there too.

    It needs no key: the row is left out of a new file. A vault is made where there was
    none, so that a warehouse that is loaded into a new file knows the tombstones.
    """
    path, key = vault_of(warehouse), erased.subject.customer_key
    rows = list(read_rows(path)) if path.exists() else []
    tombstones = [*read_tombstones(path), *erased.tombstones]
    rewrite(path, (row for row in rows if row.customer_key != key), tombstones)
    found = sum(row.customer_key == key for row in rows)
    receipt.deleted[str(path)] = {"vault.contacts": found} if found else {}


def erase_from_backup(path: Path, subject: Subject, receipt: Receipt) -> None:
    """Delete the customer's rows from a backup of the tables that remember."""
    with trusted(duckdb.connect()) as connection, explaining(path):
        attach(connection, path, "backup_file", read_only=False)
        deleted = delete_about(connection, "backup_file", subject)
    receipt.deleted[str(path)] = deleted
    compact(path)


def _networks_of(
    connection: duckdb.DuckDBPyConnection, catalog: str, customer_key: str
) -> list[str]:
    """Which networks may have learned from the customer, in a sentence.

    They are those of the customer's first order or later.
    """
    # The orders may be a view.
    ((is_built,),) = connection.execute(
        "select count(*) from duckdb_columns() where database_name = ? "
        "and schema_name = 'orders' and table_name = 'fct_orders' "
        "and column_name = 'ordered_date'",
        [catalog],
    ).fetchall()
    if not is_built:
        return []
    of_customer = (
        f"(select min(ordered_date) from {quoted(catalog)}.orders.fct_orders "
        "where customer_key = ?)"
    )
    found: list[str] = []
    for (schema, table), names in columns_of(connection, catalog).items():
        if {"network_version", "weights", "as_of_date"} <= names.keys():
            found += [
                f"{table} {version}"
                for (version,) in connection.execute(
                    f"select network_version from {quoted(catalog)}.{quoted(schema)}."
                    f"{quoted(table)} where as_of_date >= {of_customer} order by all",
                    [customer_key],
                ).fetchall()
            ]
    if not found:
        return []
    return [
        f"These networks may have learned from the customer: {', '.join(found)}. To "
        "train anew: erase.py with --retrain."
    ]


def _files_of(
    connection: duckdb.DuckDBPyConnection, table: str, feed: str, condition: str
) -> list[str]:
    """Where the customer's rows are that stay in place, in sentences."""
    columns = connection.sql(f"from {table}").columns
    if "loaded_file" not in columns:
        return [f"The tables of your pipeline that raw.{feed} reads name the customer."]
    found = connection.execute(
        f"select loaded_file, count(*) from {table} where {condition} "
        "group by all order by all"
    ).fetchall()
    return [
        f"{file} has {rows:,} rows of the customer, feed {feed}: take them out there. "
        "Until then a build counts their orders as a guest's."
        for file, rows in found
    ]


def _folded(text: str) -> str:
    return f"({sql_of('folded_customer_id', sql_of('id_text', text))})"
