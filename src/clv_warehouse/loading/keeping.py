"""Keeps what names a person out of the tables that a load writes.

Names, e-mail addresses and phone numbers of the feed customers go to a keeper, which
the script hands over (the vault), and what customers write is masked by them before it
is written. Rows of customers who were erased are left out.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import duckdb
import pyarrow as pa

from clv_warehouse.loading.feeds import Feed, read_feeds
from clv_warehouse.loading.reading import LOADED_ORDER
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.sql import quoted

CUSTOMERS = "customers"
# Feeds whose rows belong to an order of somebody.
OF_ORDERS = ("order_lines", "refunds", "redemptions")
_CONTACT = "contact"


class Keeper(Protocol):
    """Where names and addresses go; what it knows of earlier loads."""

    def known(self) -> pa.Table:
        """Those of earlier loads: customer_id, full_name, phone."""

    def erased(self, connection: duckdb.DuckDBPyConnection) -> str | None:
        """The SQL condition that customer_id, folded, is of an erased customer.

        None where nobody was erased. It may make tables in the connection.
        """

    def kept(
        self, contacts: duckdb.DuckDBPyConnection, is_added: bool
    ) -> AbstractContextManager[None]:
        """Write the table `given_contacts` beside; swap it in at the end."""


def contact_columns(feed: Feed) -> tuple[str, ...]:
    """The columns of a feed that go to the keeper and nowhere else."""
    return tuple(column.name for column in feed.columns if column.pii == _CONTACT)


def has_contacts(connection: duckdb.DuckDBPyConnection, feeds: Iterable[Feed]) -> bool:
    """Whether the table of customers that is there has columns for the keeper."""
    (feed,) = (each for each in feeds if each.name == CUSTOMERS)
    return bool(set(_columns_there(connection)) & set(contact_columns(feed)))


def drop_contacts(connection: duckdb.DuckDBPyConnection) -> None:
    """Take out of the table of customers what the keeper has."""
    (feed,) = (each for each in read_feeds() if each.name == CUSTOMERS)
    for name in contact_columns(feed):
        connection.execute(
            f"alter table warehouse.raw.{CUSTOMERS} drop column if exists {name}"
        )


def _columns_there(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        name
        for (name,) in connection.execute(
            "select column_name from duckdb_columns() where database_name = "
            "'warehouse' and schema_name = 'raw' and table_name = ?",
            [CUSTOMERS],
        ).fetchall()
    ]


class Kept:
    """Turns the queries of a load into those of what may be written."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        feeds: Iterable[Feed],
        queries: Mapping[str, str],
        keeper: Keeper,
        is_added: bool,
    ) -> None:
        self._connection = connection
        self._feeds = {feed.name: feed for feed in feeds}
        self._erased = keeper.erased(connection)
        self.queries = dict(queries)
        if self._erased:
            self._leave_out_erased()
        self._take_contacts(is_added)
        if is_added:
            known = keeper.known()
            connection.register("known_contacts", known)
            connection.execute(
                "create temp table people as "
                + sql_of(
                    "people_of",
                    "(select customer_id, full_name, phone from given_contacts "
                    "union all select * from known_contacts)",
                )
            )
            connection.unregister("known_contacts")
        else:
            connection.execute(
                f"create temp table people as {sql_of('people_of', 'given_contacts')}"
            )
        connection.execute(
            "delete from people where full_name is null and phone_end is null"
        )
        ((self._are_known,),) = connection.execute(
            "select count(*) > 0 from people"
        ).fetchall()
        if self._are_known:
            for name, query in list(self.queries.items()):
                self.queries[name] = self._masked(self._feeds[name], query)

    def _take_contacts(self, is_added: bool) -> None:
        """Make the table given_contacts: what each customer's rows said last."""
        feed, query = self._feeds[CUSTOMERS], self.queries.get(CUSTOMERS)
        names = contact_columns(feed)
        own = query
        if is_added and set(_columns_there(self._connection)) & set(names):
            # An older version wrote them into the table, which stays.
            old = f"select * from warehouse.raw.{CUSTOMERS}"
            query = f"({old}) union all by name ({query})" if query else old
        there = self._connection.sql(query).columns if query else []
        order = LOADED_ORDER if LOADED_ORDER in there else "1"
        values = {
            name: f"nullif(trim(cast({quoted(name)} as varchar)), '')"
            if name in there
            else "cast(null as varchar)"
            for name in names
        }
        last = ", ".join(
            f"arg_max({sql}, ({order}, {sql})) as {name}"
            for name, sql in values.items()
        )
        customer = _folded(CUSTOMERS)
        if query:
            self._connection.execute(
                f"create temp table given_contacts as select {customer} as "
                f"customer_id, {last} from ({query}) as {CUSTOMERS} group by all "
                f"having {customer} is not null "
                f"and coalesce({', '.join(names)}) is not null"
            )
            given = self._connection.sql(own).columns if own else []
            found = [name for name in names if name in given]
            if found:
                self.queries[CUSTOMERS] = (
                    f"select * exclude ({', '.join(found)}) from ({own})"
                )
        else:
            self._connection.execute(
                "create temp table given_contacts (customer_id varchar, "
                + ", ".join(f"{name} varchar" for name in names)
                + ")"
            )

    def _masked(self, feed: Feed, query: str) -> str:
        """The query of a feed whose texts do not hold the row's customer's own name."""
        there = self._connection.sql(query).columns
        texts = {
            column.name: column.pii
            for column in feed.columns
            if column.pii in ("text", "code", "stray")
            and not column.is_id
            and column.name in there
        }
        if "customer_id" not in there or not texts:
            return query
        replaced = ", ".join(
            f"{_own_names_masked(name, kind == 'text')} as {quoted(name)}"
            for name, kind in texts.items()
        )
        return (
            f"select said.* replace ({replaced}) from ({query}) as said "
            f"left join people on {_folded('said')} = people.customer_id"
        )

    def _leave_out_erased(self) -> None:
        """Leave out the rows of erased customers, and those of their orders."""
        orders = self.queries.get("orders")
        if orders:
            # The orders themselves are left out below; first their numbers are noted.
            self._connection.execute(
                "create temp table erased_orders as select distinct "
                f"trim(cast(order_id as varchar)) as order_id from ({orders}) as said "
                f"where {self._is_erased('said')}"
            )
        for name, query in list(self.queries.items()):
            there = self._connection.sql(query).columns
            conditions = []
            if "customer_id" in there:
                conditions.append(f"not coalesce({self._is_erased('said')}, false)")
            if name in OF_ORDERS and orders and "order_id" in there:
                conditions.append(
                    "trim(cast(said.order_id as varchar)) not in "
                    "(select order_id from erased_orders where order_id is not null)"
                )
            if conditions:
                self.queries[name] = (
                    f"select * from ({query}) as said where "
                    + " and ".join(f"coalesce({each}, true)" for each in conditions)
                )

    def _is_erased(self, rows: str) -> str:
        assert self._erased
        return self._erased.replace("{customer_id}", _folded(rows))


def _own_names_masked(name: str, is_free: bool) -> str:
    """A column of `said` without the names that `people` has of the row's customer."""
    value = f"cast(said.{quoted(name)} as varchar)"
    masked = sql_of("masked_text", value)
    without = sql_of("own_names_masked", value, masked, "people", is_free)
    return f"case when people.customer_id is null then {value} else {without} end"


def _folded(rows: str) -> str:
    """The customer of a row, as folded_customer_id gives it."""
    text = f"cast({rows}.customer_id as varchar)"
    return f"({sql_of('folded_customer_id', sql_of('id_text', text))})"
