"""Lets SQL outside dbt turn a shop's customer ids into customer keys."""

from collections.abc import Iterable

import duckdb

from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.secrets import Secret, hand_to


def define_key_of(
    connection: duckdb.DuckDBPyConnection, given: Iterable[Secret]
) -> None:
    """Let a connection call key_of(id): the customer_key of an id as a feed writes it.

    The key of no id is null. An id of nobody has a key here, and none in a warehouse.
    """
    hand_to(connection, given)
    tidied = sql_of("folded_customer_id", sql_of("id_text", "id"))
    key = sql_of("customer_key", tidied)
    connection.execute(f"create or replace temp macro key_of(id) as {key}")
