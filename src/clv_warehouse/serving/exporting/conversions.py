"""Orders with their expected value, as the ad platforms take conversions from a file.

Sources: Google Ads, "Import conversions from ad clicks into Google Ads using files"
(https://support.google.com/google-ads/answer/7014069) and "Implement enhanced
conversions for leads"
(https://developers.google.com/google-ads/api/docs/conversions/enhanced-conversions/leads);
Meta, "Server Event Parameters"
(https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/server-event)
and "fbp and fbc Parameters"
(https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc).
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from clv_warehouse.serving.exporting.consents import AGREED
from clv_warehouse.serving.exporting.contacts import (
    Contact,
    email_hash,
    phone_hash,
)
from clv_warehouse.serving.exporting.rows import write_rows

CONVERSION = "Purchase"
ORDERS = f"""
    with agreed as ({AGREED})

    select
        orders.order_id,
        orders.customer_key,
        orders.ordered_at,
        orders.click_id,
        orders.currency,
        orders.expected_value
    from marketing.order_values as orders
    semi join agreed on orders.customer_key = agreed.customer_key
    where
        orders.ordered_date
        > (select max(ordered_date) from marketing.order_values) - $days
        and (orders.is_new_customer or not $new_only)
        and list_contains($sources, coalesce(orders.utm_source, ''))
    order by orders.ordered_at, orders.order_id
"""


@dataclass(frozen=True)
class Order:
    """An order of a customer who agreed; value is margin, in the order's currency."""

    order_id: str
    customer_key: str
    ordered_at: dt.datetime
    click_id: str | None
    currency: str | None
    value: Decimal

    @property
    def instant(self) -> dt.datetime:
        """When it was placed, UTC."""
        return self.ordered_at.replace(tzinfo=dt.UTC)


@dataclass(frozen=True)
class Platform:
    """How a platform takes conversions.

    Attributes:
        sources: the utm_source of the visits whose clicks are the platform's own.
        days: how old a conversion may be, in days.
        columns: the file's header.
        identifiers: the columns of which one must not be empty.
        row: the values of these columns, of an order and the contact of its customer.

    """

    sources: tuple[str, ...]
    days: int
    columns: tuple[str, ...]
    identifiers: tuple[str, ...]
    row: Callable[[Order, Contact], Sequence[Any]]


def _google_row(order: Order, contact: Contact) -> Sequence[Any]:
    return (
        order.click_id,
        email_hash(contact.email, of_google=True),
        phone_hash(contact.phone, of_google=True),
        order.order_id,
        CONVERSION,
        order.instant.isoformat(sep=" ", timespec="seconds"),
        f"{order.value:.2f}",
        order.currency,
        "Granted",
        "Granted",
    )


def _meta_row(order: Order, contact: Contact) -> Sequence[Any]:
    seconds = int(order.instant.timestamp())
    return (
        CONVERSION,
        seconds,
        order.order_id,
        "website",
        email_hash(contact.email, of_google=False),
        phone_hash(contact.phone, of_google=False),
        # The form of the cookie _fbc; its time is that of the order in milliseconds,
        # because the feeds do not know when the click was.
        f"fb.1.{seconds * 1000}.{order.click_id}" if order.click_id else "",
        f"{order.value:.2f}",
        order.currency,
        order.order_id,
    )


PLATFORMS = {
    "google": Platform(
        ("google", "googleads", "adwords", "youtube"),
        90,
        (
            *("Google Click ID", "Email", "Phone Number", "Order ID"),
            *("Conversion Name", "Conversion Time"),
            *("Conversion Value", "Conversion Currency"),
            *("Ad User Data", "Ad Personalization"),
        ),
        ("Google Click ID", "Email", "Phone Number"),
        _google_row,
    ),
    "meta": Platform(
        ("facebook", "fb", "instagram", "ig", "meta"),
        7,
        (
            *("event_name", "event_time", "event_id", "action_source"),
            *("em", "ph", "fbc", "value", "currency", "order_id"),
        ),
        ("em", "ph", "fbc"),
        _meta_row,
    ),
}


def read_orders(
    connection: duckdb.DuckDBPyConnection,
    platform: Platform,
    purpose: str,
    days: int,
    new_only: bool,
) -> list[Order]:
    """Orders of the last days that a platform's advertisement led to.

    Only of customers whose consent to the purpose stands. A shop without the feed
    consents has none.
    """
    found = connection.execute(
        ORDERS,
        {
            "purpose": purpose.lower(),
            "days": days,
            "new_only": new_only,
            "sources": list(platform.sources),
        },
    ).fetchall()
    return [Order(*row) for row in found]


def write_conversions(
    path: Path,
    platform: Platform,
    orders: Iterable[Order],
    contacts: Mapping[str, Contact],
) -> tuple[int, int]:
    """Write a CSV file; return how many orders it has, and how many name nobody.

    An order without a click and without a hashed contact tells a platform nothing and
    is left out.
    """
    rows = (
        platform.row(order, contacts.get(order.customer_key, Contact(None, None)))
        for order in orders
    )
    return write_rows(path, platform.columns, platform.identifiers, rows)
