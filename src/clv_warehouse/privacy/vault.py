"""The vault: who a customer is, encrypted, in a database file of its own.

Each customer has a key of 256 bits that chance made, wrapped by the key of the vault.
It encrypts each field of the customer by AES-256-GCM, with a nonce of its own, bound to
the customer's key in the warehouse and to the name of the field: a value that somebody
moved to another row or column is refused. Without the key of the vault nobody can read
anything. Without the wrapped key of a customer, who has the key of the vault cannot
read that customer's fields.

Source: NIST SP 800-38D for GCM; RFC 5869 for the key that wraps.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from clv_warehouse.project.files import for_owner_alone, written_whole
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.secrets import Secret
from clv_warehouse.project.sql import first_line, literal

# What is encrypted of a customer. The id is the shop's, in one spelling.
FIELDS = ("customer_id", "email", "full_name", "phone")
STORAGE_VERSION = "v1.4.0"
_BLOBS = ", ".join(f"{name} blob" for name in ("wrapped_key", *FIELDS))
_ROWS = pa.schema(
    [("customer_key", pa.string())]
    + [(name, pa.binary()) for name in ("wrapped_key", *FIELDS)]
)
_NONCE = 12
_BATCH = 50_000


class VaultError(CommandError):
    """The vault cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Person:
    """Who a customer is, as far as the shop said; customer_id is the shop's own."""

    customer_key: str
    customer_id: str | None
    email: str | None
    full_name: str | None
    phone: str | None


@dataclass(frozen=True)
class Sealed:
    """A row of the vault: the wrapped key of a customer, and the encrypted fields."""

    customer_key: str
    wrapped_key: bytes
    fields: tuple[bytes | None, ...]


class Locks:
    """Encrypts and decrypts rows of the vault with its key."""

    def __init__(self, key: Secret) -> None:
        # Only here is the library needed: builds and readers never load it.
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        self._cipher = AESGCM
        self._refused = InvalidTag
        derived = HKDF(SHA256(), 32, None, b"clv warehouse: keys of customers")
        self._wrap = AESGCM(derived.derive(key.text.encode()))

    def sealed(self, person: Person) -> Sealed:
        """Encrypt a person under a key that chance makes now."""
        key = self._cipher.generate_key(256)
        cipher = self._cipher(key)
        return Sealed(
            person.customer_key,
            _encrypted(self._wrap, key, _bound(person.customer_key, "key")),
            tuple(
                None
                if (text := getattr(person, name)) is None
                else _encrypted(
                    cipher, text.encode(), _bound(person.customer_key, name)
                )
                for name in FIELDS
            ),
        )

    def opened(self, row: Sealed) -> Person:
        """Decrypt a row; raises VaultError where the key or the row is another's."""
        try:
            bound = _bound(row.customer_key, "key")
            cipher = self._cipher(_decrypted(self._wrap, row.wrapped_key, bound))
            texts = [
                None
                if value is None
                else _decrypted(cipher, value, _bound(row.customer_key, name)).decode()
                for name, value in zip(FIELDS, row.fields, strict=True)
            ]
        except self._refused as error:
            raise VaultError(
                "The vault cannot be read with this key: another key locked it, or "
                "somebody has changed the file. Put back the key that locked it "
                "(CLV_VAULT, data/.clv_vault), or load all customers anew."
            ) from error
        return Person(row.customer_key, *texts)


def read_people(
    path: Path, key: Secret, keys: Iterable[str] | None = None
) -> Iterator[Person]:
    """Yield the people of a vault, or those with these customer keys.

    Yields none where there is no vault. Raises VaultError where it cannot be read.
    """
    if not path.exists():
        return
    locks = Locks(key)
    for row in read_rows(path, keys):
        yield locks.opened(row)


def read_rows(path: Path, keys: Iterable[str] | None = None) -> Iterator[Sealed]:
    """Yield the rows of a vault as they are, in order of the customer's key."""
    with _opened(path) as connection:
        chosen, values = "", []
        if keys is not None:
            chosen, values = "where list_contains(?, customer_key)", [list(keys)]
        names = ", ".join(("customer_key", "wrapped_key", *FIELDS))
        found = connection.execute(
            f"select {names} from vault.contacts {chosen} order by customer_key", values
        )
        while rows := found.fetchmany(_BATCH):
            for each, wrapped, *fields in rows:
                yield Sealed(each, bytes(wrapped), tuple(fields))


def read_tombstones(path: Path) -> list[str]:
    """The tombstones of erased customers; none where there is no vault."""
    if not path.exists():
        return []
    with _opened(path) as connection:
        found = connection.execute(
            "select tombstone from vault.erased order by tombstone"
        ).fetchall()
        return [tombstone for (tombstone,) in found]


@contextmanager
def rewritten(
    path: Path, rows: Iterable[Sealed], tombstones: Iterable[str]
) -> Iterator[None]:
    """Write a vault beside, and swap it in once the caller is done.

    A new file keeps no byte of the old one. Nobody but its owner may read it, at any
    moment. If the caller fails, the old vault stays.
    """
    with written_whole(path) as partial:
        write(partial, rows, tombstones)
        yield


def rewrite(path: Path, rows: Iterable[Sealed], tombstones: Iterable[str]) -> None:
    """Replace a vault by a new one, as `rewritten` does, at once."""
    with rewritten(path, rows, tombstones):
        pass


def write(path: Path, rows: Iterable[Sealed], tombstones: Iterable[str]) -> None:
    """Write a new file that is a vault."""
    with for_owner_alone(), duckdb.connect() as connection:
        connection.execute(
            f"attach {literal(str(path))} as kept "
            f"(storage_version {literal(STORAGE_VERSION)})"
        )
        connection.execute("create schema kept.vault")
        connection.execute(
            f"create table kept.vault.contacts (customer_key varchar, {_BLOBS})"
        )
        connection.execute("create table kept.vault.erased (tombstone varchar)")
        for batch in _batches(rows):
            connection.register("batch", batch)
            connection.execute("insert into kept.vault.contacts select * from batch")
            connection.unregister("batch")
        for tombstone in sorted(set(tombstones)):
            connection.execute("insert into kept.vault.erased values (?)", [tombstone])
        connection.execute("detach kept")


def _batches(rows: Iterable[Sealed]) -> Iterator[pa.Table]:
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append((row.customer_key, row.wrapped_key, *row.fields))
        if len(batch) == _BATCH:
            yield _table(batch)
            batch = []
    if batch:
        yield _table(batch)


def _table(batch: list[tuple[Any, ...]]) -> pa.Table:
    columns = [list(each) for each in zip(*batch, strict=True)]
    return pa.table(columns, schema=_ROWS)


@contextmanager
def _opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            yield connection
    except duckdb.Error as error:
        raise VaultError(f"{path} cannot be read: {first_line(error)}") from error


def _bound(customer_key: str, name: str) -> bytes:
    return f"{customer_key}/{name}".encode()


def _encrypted(cipher: Any, plain: bytes, bound: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + bytes(cipher.encrypt(nonce, plain, bound))


def _decrypted(cipher: Any, value: bytes, bound: bytes) -> bytes:
    return bytes(cipher.decrypt(value[:_NONCE], value[_NONCE:], bound))
