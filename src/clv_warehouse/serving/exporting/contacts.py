"""Contacts of customers as ad tools match them: normalised, then hashed.

Only who holds the shop's secret key can say whose contact it is: the warehouse knows
customers by their keys. Contacts stand in the vault, which a script reads and hands
over, or in the raw feed `customers` where that stays in place.

Sources: Google, "Prepare data" of enhanced conversions
(https://developers.google.com/google-ads/api/docs/conversions/enhanced-conversions/leads);
Meta, "Customer Information Parameters"
(https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/customer-information-parameters).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.problems import CommandError
from clv_warehouse.project.secrets import Secret
from clv_warehouse.project.sql import quoted


@dataclass(frozen=True)
class Contact:
    """How to reach a customer, as the feed says it; None where it does not."""

    email: str | None
    phone: str | None


def has_contacts(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the raw feed of customers itself has contacts, as one in place has."""
    return _feed(connection) is not None


def read_contacts(
    connection: duckdb.DuckDBPyConnection, secrets: Sequence[Secret]
) -> dict[str, Contact]:
    """Contacts by customer_key; the last row of a customer counts.

    Raises CommandError if the warehouse has no raw feed of customers with contacts.
    """
    feed = _feed(connection)
    if feed is None:
        raise CommandError(
            "This warehouse has no vault, and no raw feed `customers` with e-mail "
            "addresses or phone numbers. Ask where the shop's data were loaded, or "
            "export without --contacts."
        )
    columns = {
        name.lower()
        for (name,) in connection.execute(
            "select column_name from information_schema.columns "
            "where table_schema = 'raw' and table_name = ?",
            [feed],
        ).fetchall()
    }
    chosen = [
        f"cast({name} as varchar)" if name in columns else "cast(null as varchar)"
        for name in ("email", "phone")
    ]
    define_key_of(connection, secrets)
    rows = connection.execute(
        f"select key_of(cast(customer_id as varchar)), {', '.join(chosen)} "
        f"from raw.{quoted(feed)}"
    ).fetchall()
    return {
        key: Contact(email, phone)
        for key, email, phone in rows
        if key and (email or phone)
    }


def read_ids(
    connection: duckdb.DuckDBPyConnection, secrets: Sequence[Secret]
) -> dict[str, str]:
    """The shop's own ids by customer_key; of several spellings the first in order.

    Raises CommandError if no raw feed here names customers.
    """
    found = connection.execute(
        "select distinct table_name from information_schema.columns "
        "where table_schema = 'raw' and lower(column_name) = 'customer_id'"
    ).fetchall()
    if not found:
        raise CommandError(
            "This warehouse has no raw feed that names customers. Ask where the shop's "
            "data were loaded, or export the list for `keys`, without --ids."
        )
    feeds = " union ".join(
        f"select cast(customer_id as varchar) as id from raw.{quoted(name)}"
        for (name,) in sorted(found)
    )
    define_key_of(connection, secrets)
    rows = connection.execute(
        f"select key_of(id) as key, min(id) from ({feeds}) where id is not null "
        "group by key"
    ).fetchall()
    return dict(rows)


def email_hash(email: str | None, *, of_google: bool) -> str:
    """SHA-256 of an e-mail address, as 64 hex digits; empty if it is none.

    Spaces are taken off and letters made lower. Google wants the dots before
    @gmail.com and @googlemail.com taken out, Meta does not.
    """
    text = (email or "").strip().lower()
    name, at, host = text.rpartition("@")
    if not (name and at and "." in host):
        return ""
    if of_google and host in ("gmail.com", "googlemail.com"):
        name = name.replace(".", "")
    return _sha256(f"{name}@{host}")


def phone_hash(phone: str | None, *, of_google: bool) -> str:
    """SHA-256 of a phone number with its country's code, as 64 hex digits.

    Google reads E.164, which begins with a plus; Meta reads its digits without leading
    zeros. A number without a country's code names nobody and is left out.
    """
    text = (phone or "").strip()
    digits = re.sub(r"\D", "", re.sub(r"(?i)(x|ext).*$", "", text))
    if text.startswith("00"):
        digits = digits[2:]
    elif not text.startswith("+"):
        return ""
    if not 7 <= len(digits) <= 15:
        return ""
    return _sha256(f"+{digits}" if of_google else digits.lstrip("0"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _feed(connection: duckdb.DuckDBPyConnection) -> str | None:
    for feed in ("customers", "sample_customers"):
        found = connection.execute(
            "select count(*) from information_schema.columns "
            "where table_schema = 'raw' and table_name = ? "
            "and lower(column_name) in ('customer_id', 'email', 'phone')",
            [feed],
        ).fetchall()[0][0]
        if found > 1:
            return feed
    return None
