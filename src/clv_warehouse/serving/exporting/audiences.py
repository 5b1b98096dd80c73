"""Lists of customers as e-mail and ad tools take them from a file.

Sources: Klaviyo, "Use Klaviyo's SFTP import tool"
(https://developers.klaviyo.com/en/docs/use_klaviyos_sftp_import_tool) for the names of
identifiers, and "Create and add contacts to a new list"
(https://help.klaviyo.com/hc/en-us/articles/115005078967) for properties of one's own;
Google Ads, "Formatting guidelines for uploading hashed data"
(https://support.google.com/google-ads/answer/7476159); Meta, "How to format a customer
list when creating a custom audience"
(https://www.facebook.com/business/help/2082575038703844) and "About the customer value
column" (https://www.facebook.com/business/help/1033094474356222).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from clv_warehouse.project.problems import CommandError
from clv_warehouse.serving.exporting.consents import AGREED
from clv_warehouse.serving.exporting.contacts import (
    Contact,
    email_hash,
    phone_hash,
)
from clv_warehouse.serving.exporting.rows import write_rows

# Whoever is held out, or never to be contacted, is on no list that leaves the
# warehouse.
MEMBERS = f"""
    with agreed as ({AGREED}),

    kept_out as (
        select customer_key
        from marketing.experiment_assignments
        where is_held_out and coalesce(ended_date > (
            select max(as_of_date) from reports.list_members
        ), true)
        union
        select customer_key from reference.never_contacted
    )

    select
        members.list,
        members.customer_key,
        members.reason,
        members.top_recommendation,
        members.expected_gain,
        members.lifetime_value,
        members.as_of_date
    from reports.list_members as members
    anti join kept_out on members.customer_key = kept_out.customer_key
    where
        members.list_kind = $kind
        and members.list = $list
        and (
            members.customer_key in (select customer_key from agreed)
            or (not $is_personal and not exists (select 1 from orders.fct_consents))
        )
    order by members.position
"""


@dataclass(frozen=True)
class Member:
    """A customer on a list; money is in the shop's currency."""

    list: str
    customer_key: str
    reason: str
    product: str | None
    expected_gain: Decimal | None
    lifetime_value: Decimal
    as_of_date: date


@dataclass(frozen=True)
class Tool:
    """How a tool takes a list.

    Attributes:
        purpose: of the feed consents, to which customers must have agreed.
        columns: the file's header.
        identifiers: the columns of which one must not be empty.
        row: the values of the columns, of a member, the contact and the shop's id.

    """

    purpose: str
    columns: tuple[str, ...]
    identifiers: tuple[str, ...]
    row: Callable[[Member, Contact, str], Sequence[Any]]


def _properties(member: Member) -> tuple[Any, ...]:
    return (
        member.list,
        member.reason,
        member.product,
        member.expected_gain,
        member.lifetime_value,
        member.as_of_date,
    )


PROPERTIES = (
    *("List", "Reason", "Product", "Expected Gain", "Lifetime Value", "As Of Date"),
)


def _keys_row(member: Member, contact: Contact, shop_id: str) -> Sequence[Any]:
    return (member.customer_key, shop_id, *_properties(member))


def _klaviyo_row(member: Member, contact: Contact, shop_id: str) -> Sequence[Any]:
    return (shop_id, *_properties(member))


def _google_row(member: Member, contact: Contact, shop_id: str) -> Sequence[Any]:
    return (
        email_hash(contact.email, of_google=True),
        phone_hash(contact.phone, of_google=True),
    )


def _meta_row(member: Member, contact: Contact, shop_id: str) -> Sequence[Any]:
    # Below 0 is no value: such a customer is worth nothing to find again.
    return (
        email_hash(contact.email, of_google=False),
        phone_hash(contact.phone, of_google=False),
        max(member.lifetime_value, Decimal(0)),
    )


TOOLS = {
    "keys": Tool(
        "email",
        ("Customer Key", "Shop Id", *PROPERTIES),
        ("Customer Key",),
        _keys_row,
    ),
    "klaviyo": Tool(
        "email", ("ExternalID", *PROPERTIES), ("ExternalID",), _klaviyo_row
    ),
    "google": Tool("ads", ("Email", "Phone"), ("Email", "Phone"), _google_row),
    "meta": Tool("ads", ("email", "phone", "value"), ("email", "phone"), _meta_row),
}


def read_members(
    connection: duckdb.DuckDBPyConnection, name: str, purpose: str, *, is_personal: bool
) -> list[Member]:
    """Customers of a list who may be contacted for the purpose, most money first.

    `name` is the list's, or KIND/LIST where two kinds have a list of that name. A shop
    without the feed consents keeps consents elsewhere: there a list of keys has all,
    and one that is personal, with ids or contacts, has nobody. Raises CommandError if
    there is no such list, or if two have the name.
    """
    known = connection.execute(
        "select list_kind, list from reports.customer_lists order by list_kind, place"
    ).fetchall()
    found = [pair for pair in known if name in (pair[1], "/".join(pair))]
    if len(found) != 1:
        lists = ", ".join("/".join(pair) for pair in found or known)
        raise CommandError(
            f"{'Two lists have' if found else 'No list has'} the name {name!r}. "
            f"Give one of: {lists}."
        )
    kind, chosen = found[0]
    rows = connection.execute(
        MEMBERS,
        {
            "purpose": purpose.lower(),
            "kind": kind,
            "list": chosen,
            "is_personal": is_personal,
        },
    ).fetchall()
    return [Member(*row) for row in rows]


def write_audience(
    path: Path,
    tool: Tool,
    members: Iterable[Member],
    contacts: Mapping[str, Contact],
    ids: Mapping[str, str],
) -> tuple[int, int]:
    """Write a CSV file; return how many customers it has, and how many name nobody.

    A customer without any of the tool's identifiers is left out.
    """
    rows = (
        tool.row(
            member,
            contacts.get(member.customer_key, Contact(None, None)),
            ids.get(member.customer_key, ""),
        )
        for member in members
    )
    return write_rows(path, tool.columns, tool.identifiers, rows)
