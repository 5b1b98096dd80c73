"""Takes from a load what names a person, and puts it into the vault."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import duckdb
import pyarrow as pa

from clv_warehouse.privacy.tombstones import (
    add_tombstones,
    is_erased_sql,
    tombstones_in,
)
from clv_warehouse.privacy.vault import (
    FIELDS,
    Locks,
    Person,
    Sealed,
    read_people,
    read_rows,
    read_tombstones,
    rewritten,
)
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.secrets import Secret, hand_to

CATALOG = "warehouse"
_BATCH = 50_000


class VaultKeeper:
    """Keeps what loads hand over in the vault beside the warehouse.

    `secrets` gives the key, the salt and the key of the vault; it is asked once there
    is something to keep, so that a shop without names needs none of them.
    """

    def __init__(self, vault: Path, secrets: Callable[[], tuple[Secret, ...]]) -> None:
        self._vault = vault
        self._secrets = secrets
        self._tombstones: list[str] = []

    def known(self) -> pa.Table:
        """The names and phone numbers of earlier loads."""
        people: list[Person] = []
        if self._vault.exists():
            people = list(read_people(self._vault, self._key()))
        return pa.table(
            {
                name: pa.array([getattr(each, name) for each in people], pa.string())
                for name in ("customer_id", "full_name", "phone")
            }
        )

    def erased(self, connection: duckdb.DuckDBPyConnection) -> str | None:
        """The condition that {customer_id} is of an erased customer; None without any.

        The warehouse and the vault both have the tombstones: either may be new.
        """
        self._tombstones = [
            *tombstones_in(connection, CATALOG),
            *read_tombstones(self._vault),
        ]
        if not self._tombstones:
            return None
        return is_erased_sql(
            connection, self._tombstones, self._secrets(), "{customer_id}"
        )

    @contextmanager
    def kept(
        self, connection: duckdb.DuckDBPyConnection, is_added: bool
    ) -> Iterator[None]:
        """Write a new vault with the table given_contacts; swap it in at the end."""
        ((given,),) = connection.execute(
            "select count(*) from given_contacts"
        ).fetchall()
        if self._tombstones:
            add_tombstones(connection, CATALOG, self._tombstones)
        is_needed = given or self._vault.exists()
        rows = self._rows(connection, is_added) if is_needed else iter(())
        with (
            rewritten(self._vault, rows, self._tombstones)
            if is_needed
            else nullcontext()
        ):
            yield

    def _rows(
        self, connection: duckdb.DuckDBPyConnection, is_added: bool
    ) -> Iterator[Sealed]:
        """The rows of the new vault: those given, and earlier ones if they stay."""
        locks = Locks(self._key())
        hand_to(connection, self._secrets())
        given: set[str] = set()
        before = (
            {row.customer_key: row for row in read_rows(self._vault)}
            if is_added and self._vault.exists()
            else {}
        )
        names = ", ".join(FIELDS)
        query = connection.execute(
            f"select {sql_of('customer_key', 'customer_id')}, {names} "
            "from given_contacts order by 1"
        )
        while rows := query.fetchmany(_BATCH):
            for key, *fields in rows:
                person = Person(key, *fields)
                if key in before:
                    # What the new rows do not say, earlier ones did.
                    person = _completed(person, locks.opened(before[key]))
                given.add(key)
                yield locks.sealed(person)
        yield from (row for key, row in before.items() if key not in given)

    def _key(self) -> Secret:
        return next(each for each in self._secrets() if each.name == "vault")


def _completed(person: Person, before: Person) -> Person:
    told = {
        name: getattr(person, name)
        if getattr(person, name) is not None
        else getattr(before, name)
        for name in FIELDS
    }
    return Person(person.customer_key, **told)
