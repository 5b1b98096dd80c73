"""Makes the sample shop: a small shop, dirty on purpose as real shops are dirty.

ALTERED, DROPPED and ADDED list the kinds of dirt and how many rows of a feed each
strikes. Dirt never removes a true fact: it alters rows only in ways that staging mends,
and it adds the rows that cannot be mended. So the cleaned sample has the same facts as
the shop before the dirt, and the true values hold for them.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.shop.columns import PIECES
from clv_warehouse.shop.goods import Catalogue
from clv_warehouse.shop.process import make_batch
from clv_warehouse.shop.schemas import SCHEMAS
from clv_warehouse.shop.settings import Settings
from clv_warehouse.shop.shop_tables import shop_tables
from clv_warehouse.shop.tables import batch_tables

PEOPLE = 2000
SETTINGS = Settings(
    seed=2025, people_per_batch=PEOPLE, products_per_cell=6, consent_share=0.3
)
# The effects of campaigns on so few people would fill a file that nobody reads.
FEEDS = tuple(feed for feed in SCHEMAS if feed != "true_effects")

Row = dict[str, str]
Change = Callable[[Row, int], str]
Where = Callable[[Row], bool]


def _cycle(*values: str) -> Change:
    return lambda row, place: values[place % len(values)]


def _new(prefix: str) -> Change:
    """Return an id that no true row has."""
    return lambda row, place: f"{prefix}{place + 1}"


def _padded(column: str) -> Change:
    return lambda row, place: (" {}", "{} ", "  {} ")[place % 3].format(row[column])


def _later(column: str) -> Change:
    """Move a time by an hour: of two rows with one key, cleaning keeps the earlier."""

    def change(row: Row, place: int) -> str:
        return str(datetime.fromisoformat(row[column]) + timedelta(hours=1))

    return change


def _any(row: Row) -> bool:
    return True


def _is_small_sale(row: Row) -> bool:
    return row["line_number"] == "1" and row["quantity"] in ("1", "2", "3")


@dataclass(frozen=True)
class Dirt:
    """A kind of dirt, which strikes `count` rows of a feed that meet `where`.

    `changes` computes the new value of each changed column from the row and from the
    row's place among those struck.
    """

    feed: str
    what: str
    count: int
    changes: dict[str, Change] = field(default_factory=dict)
    where: Where = _any


# Rows that are written in an unusual way, and that staging mends.
ALTERED = (
    Dirt(
        "orders",
        "cancelled, in several spellings",
        90,
        {"status": _cycle("Canceled", "CANCELLED", "Cancelled", "canceled", "VOID")},
        lambda row: row["status"] == "cancelled",
    ),
    Dirt("orders", "blanks around the id", 6, {"order_id": _padded("order_id")}),
    Dirt(
        "orders",
        "blanks around the customer's id",
        6,
        {"customer_id": _padded("customer_id")},
        lambda row: row["customer_id"] != "",
    ),
    Dirt("order_lines", "blanks around the id", 9, {"order_id": _padded("order_id")}),
    Dirt(
        "order_lines",
        "blanks around the product's id",
        6,
        {"product_id": _padded("product_id")},
    ),
    Dirt(
        "customers",
        "country in capitals",
        12,
        {"country": lambda row, place: row["country"].upper()},
    ),
    Dirt("customers", "no phone number", 40, {"phone": _cycle("")}),
    Dirt("products", "no name", 5, {"product_name": _cycle("")}),
    Dirt(
        "marketing_spend",
        "channel in capitals",
        15,
        {"channel": lambda row, place: row["channel"].upper()},
    ),
    Dirt("reviews", "no headline", 30, {"title": _cycle("")}),
    Dirt("reviews", "no text", 60, {"body": _cycle("")}),
)

# Rows that are missing although other feeds refer to them.
DROPPED = (
    Dirt("customers", "customers who order and are not in their feed", 15),
    Dirt("products", "products that are sold and not in their feed", 4),
)

_NO_DATES = _cycle("2024-13-45", "n/a", "", "0000-00-00")
_OLD_DATES = _cycle("1900-01-01 00:00:00", "1899-12-30 00:00:00")
_FUTURE_DATES = _cycle("2099-12-31 00:00:00", "2205-03-01 12:00:00")

# Rows added beside the true ones, each a copy of a true row with some changes. Cleaning
# rejects all of them except the gifts, which are worth nothing.
ADDED = (
    Dirt("orders", "the same row twice", 12),
    Dirt(
        "orders",
        "another time for the same order",
        6,
        {"ordered_at": _later("ordered_at")},
    ),
    Dirt("orders", "no id", 3, {"order_id": _cycle("")}),
    Dirt("orders", "no date", 8, {"order_id": _new("OD"), "ordered_at": _NO_DATES}),
    Dirt(
        "orders",
        "a date before 1970",
        5,
        {"order_id": _new("OP"), "ordered_at": _OLD_DATES},
    ),
    Dirt(
        "orders",
        "a date to come",
        5,
        {"order_id": _new("OF"), "ordered_at": _FUTURE_DATES},
    ),
    Dirt(
        "orders",
        "an amount that is no number, and no lines",
        4,
        {"order_id": _new("OA"), "amount": _cycle("twelve", "n/a", "EUR 9")},
    ),
    Dirt(
        "orders",
        "neither lines nor an amount",
        6,
        {"order_id": _new("ON"), "amount": _cycle("")},
    ),
    Dirt(
        "orders",
        "a test, by nobody",
        4,
        {"order_id": _new("OT"), "customer_id": _cycle(""), "amount": _cycle("9.99")},
    ),
    Dirt("order_lines", "the same row twice", 15),
    Dirt(
        "order_lines",
        "another quantity for the same line",
        6,
        {"quantity": _cycle("9")},
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "of an order without a date",
        8,
        {"order_id": _new("OD"), "line_number": _cycle("1")},
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "of an order before 1970",
        5,
        {"order_id": _new("OP"), "line_number": _cycle("1")},
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "of an order to come",
        5,
        {"order_id": _new("OF"), "line_number": _cycle("1")},
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "a test product",
        4,
        {
            "order_id": _new("OT"),
            "product_id": _cycle("TEST", "TEST001"),
            "line_type": _cycle("test_record"),
            "unit_price": _cycle("9.99"),
        },
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "of an order that is not there",
        7,
        {"order_id": _new("OX")},
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "a gift card that pays, of no product",
        4,
        {
            "line_number": _cycle("81"),
            "product_id": _cycle(""),
            "line_type": _cycle("payment"),
        },
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "a quantity that is no number",
        6,
        {"line_number": _cycle("82"), "quantity": _cycle("twelve", "", "1 pc")},
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "a price that is no number",
        6,
        {"line_number": _cycle("83"), "unit_price": _cycle("", "n/a", "9.90 EUR")},
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "no pieces",
        5,
        {"line_number": _cycle("84"), "quantity": _cycle("0")},
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "of a type that nobody knows",
        4,
        {
            "line_number": _cycle("85"),
            "unit_price": _cycle("-5.00", "-11062.06"),
            "line_type": _cycle("adjustment"),
        },
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "stock written off",
        6,
        {
            "line_number": _cycle("86"),
            "quantity": _cycle("-12", "-40", "-1"),
            "unit_price": _cycle("0.00"),
            "discount": _cycle("0.00"),
        },
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "bad debt written off",
        3,
        {
            "line_number": _cycle("87"),
            "product_id": _cycle("B"),
            "line_type": _cycle("bad_debt"),
        },
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "costs of the shop's own",
        4,
        {
            "line_number": _cycle("88"),
            "product_id": _cycle("BANK CHARGES", "AMAZONFEE"),
            "line_type": _cycle("shop_cost"),
        },
        _is_small_sale,
    ),
    Dirt(
        "order_lines",
        "a gift",
        10,
        {
            "line_number": _cycle("89"),
            "unit_price": _cycle("0.00"),
            "discount": _cycle("0.00"),
        },
        _is_small_sale,
    ),
    Dirt("products", "the same row twice", 4),
    Dirt(
        "products",
        "another name for the same product",
        3,
        {"product_name": lambda row, place: row["product_name"] + " NEW"},
        lambda row: row["product_name"] != "",
    ),
    Dirt("products", "no id", 2, {"product_id": _cycle("")}),
    Dirt(
        "products",
        "a cost that is no number",
        2,
        {"product_id": _new("PX"), "unit_cost": _cycle("tbd")},
    ),
    Dirt("customers", "the same row twice", 8),
    Dirt(
        "customers",
        "another time for the same customer",
        4,
        {"signed_up_at": _later("signed_up_at")},
    ),
    Dirt("customers", "no id", 3, {"customer_id": _cycle("")}),
    Dirt(
        "customers",
        "no date",
        3,
        {"customer_id": _new("CD"), "signed_up_at": _cycle("unknown", "2024-02-30")},
    ),
    Dirt(
        "customers",
        "a date before 1970",
        2,
        {"customer_id": _new("CP"), "signed_up_at": _OLD_DATES},
    ),
    Dirt("events", "the same row twice", 20),
    Dirt(
        "events",
        "another time for the same event",
        5,
        {"occurred_at": _later("occurred_at")},
    ),
    Dirt("events", "no id", 4, {"event_id": _cycle("")}),
    Dirt("events", "no date", 4, {"event_id": _new("ED"), "occurred_at": _NO_DATES}),
    Dirt(
        "events",
        "a date before 1970",
        4,
        {"event_id": _new("EP"), "occurred_at": _OLD_DATES},
    ),
    Dirt(
        "events",
        "a date to come",
        4,
        {"event_id": _new("EF"), "occurred_at": _FUTURE_DATES},
    ),
    Dirt(
        "events",
        "an unknown type",
        9,
        {"event_id": _new("ET"), "event_type": _cycle("hover", "login", "")},
    ),
    Dirt("reviews", "the same row twice", 6),
    Dirt(
        "reviews",
        "another time for the same review",
        3,
        {"written_at": _later("written_at")},
    ),
    Dirt("reviews", "no id", 2, {"review_id": _cycle("")}),
    Dirt("reviews", "no date", 4, {"review_id": _new("RD"), "written_at": _NO_DATES}),
    Dirt(
        "reviews",
        "a rating out of its range",
        6,
        {"review_id": _new("RR"), "rating": _cycle("0", "11", "-1")},
    ),
    Dirt(
        "reviews",
        "a rating that is no number",
        4,
        {"review_id": _new("RN"), "rating": _cycle("five", "", "4 stars")},
    ),
    Dirt("refunds", "the same row twice", 4),
    Dirt("refunds", "no id", 2, {"refund_id": _cycle("")}),
    Dirt(
        "refunds",
        "an amount that is no number",
        2,
        {"refund_id": _new("FA"), "amount": _cycle("all", "n/a")},
    ),
    Dirt(
        "refunds",
        "of an order that is not there",
        3,
        {"refund_id": _new("FX"), "order_id": _new("OX")},
    ),
    Dirt("marketing_spend", "the same row twice", 5),
    Dirt(
        "marketing_spend",
        "an amount that is no number",
        3,
        {"campaign_id": _new("trial-"), "amount": _cycle("", "tbd", "12 EUR")},
    ),
    Dirt(
        "marketing_spend",
        "another currency",
        2,
        {"campaign_id": _new("abroad-"), "currency": _cycle("USD")},
    ),
    Dirt("campaigns", "the same row twice", 2),
    Dirt("campaigns", "no id", 1, {"campaign_id": _cycle("")}),
    Dirt("campaign_sends", "the same row twice", 8),
    Dirt("campaign_sends", "no id", 3, {"send_id": _cycle("")}),
    Dirt(
        "campaign_sends",
        "no date",
        4,
        {"send_id": _new("MD"), "sent_at": _NO_DATES},
    ),
    Dirt(
        "campaign_sends",
        "to nobody",
        3,
        {"send_id": _new("MN"), "customer_id": _cycle("")},
    ),
    Dirt("redemptions", "the same row twice", 4),
    Dirt(
        "redemptions",
        "of no coupon",
        2,
        {"redemption_id": _new("DC"), "coupon_code": _cycle("")},
    ),
    Dirt(
        "redemptions",
        "for an order that is not there",
        3,
        {"redemption_id": _new("DX"), "order_id": _new("OX")},
    ),
    Dirt("experiments", "the same row twice", 1),
    Dirt("assignments", "the same row twice", 6),
    Dirt(
        "assignments",
        "to no arm",
        2,
        {"customer_id": _new("CA"), "arm": _cycle("")},
    ),
    Dirt(
        "assignments",
        "no date",
        3,
        {"customer_id": _new("CN"), "assigned_at": _NO_DATES},
    ),
    Dirt("calendar", "the same row twice", 2),
    Dirt(
        "calendar",
        "of a kind that nobody knows",
        2,
        {"name": _cycle("Stocktaking"), "kind": _cycle("closed", "")},
    ),
    Dirt("subscriptions", "the same row twice", 2),
    Dirt(
        "subscriptions",
        "renewed nobody knows when",
        2,
        {"subscription_id": _new("BR"), "renews_every": _cycle("sometimes")},
    ),
    Dirt("consents", "the same row twice", 5),
    Dirt("consents", "for no purpose", 2, {"purpose": _cycle("")}),
    Dirt("product_vectors", "the same row twice", 2),
    Dirt(
        "product_vectors",
        "no list of numbers",
        2,
        {"product_id": _new("PV"), "vector": _cycle("none", "[0.1, oops]")},
    ),
)


def clean_rows() -> dict[str, list[Row]]:
    """Sample shop by feed, as text, before any dirt; its truth among the feeds."""
    catalogue = Catalogue.of(SETTINGS)
    batch = make_batch(SETTINGS, catalogue, 0)
    tables = shop_tables(SETTINGS, catalogue, PEOPLE)
    tables |= batch_tables(batch, PEOPLE, FEEDS, [SETTINGS.last_day])
    return {feed: _as_text(tables[feed]) for feed in FEEDS}


def dirty_rows(clean: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Rows with all dirt, those added after the true ones of their feed."""
    generator = np.random.default_rng(SETTINGS.seed)
    rows = {feed: list(table) for feed, table in clean.items()}
    for dirt in ALTERED:
        for place, position in enumerate(_struck(dirt, rows[dirt.feed], generator)):
            table = rows[dirt.feed]
            table[position] = _changed(dirt, table[position], place)
    for dirt in DROPPED:
        gone = set(_struck(dirt, rows[dirt.feed], generator))
        rows[dirt.feed] = [
            row for position, row in enumerate(rows[dirt.feed]) if position not in gone
        ]
    # Only true rows are copied: we append the copies once all of them are made.
    added = [
        (dirt.feed, _changed(dirt, rows[dirt.feed][position], place))
        for dirt in ADDED
        for place, position in enumerate(_struck(dirt, rows[dirt.feed], generator))
    ]
    for feed, row in added:
        rows[feed].append(row)
    return rows


def write_seeds(folder: Path) -> int:
    """Write the dirty sample as CSV seeds into `folder`; their size in bytes."""
    size = 0
    for feed, rows in dirty_rows(clean_rows()).items():
        path = folder / f"sample_{feed}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, SCHEMAS[feed].names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        size += path.stat().st_size
    return size


def _struck(dirt: Dirt, rows: list[Row], generator: np.random.Generator) -> list[int]:
    """Positions of the rows that a kind of dirt strikes, in their order."""
    candidates = [position for position, row in enumerate(rows) if dirt.where(row)]
    if len(candidates) < dirt.count:
        raise ValueError(
            f"{dirt.feed}, {dirt.what}: {len(candidates)} rows, {dirt.count} needed"
        )
    chosen = generator.choice(len(candidates), dirt.count, replace=False)
    return [candidates[place] for place in sorted(chosen.tolist())]


def _changed(dirt: Dirt, row: Row, place: int) -> Row:
    return row | {column: change(row, place) for column, change in dirt.changes.items()}


def _as_text(table: pa.Table) -> list[Row]:
    """Rows as they stand in a CSV file: null is empty, money has two decimals."""
    columns = {}
    for name in table.column_names:
        values = table[name]
        if pa.types.is_timestamp(values.type):
            values = pc.strftime(values.cast(pa.timestamp("s")), "%Y-%m-%d %H:%M:%S")
        elif values.type == PIECES:
            values = values.cast(pa.decimal128(12, 0))
        elif pa.types.is_decimal(values.type) or pa.types.is_floating(values.type):
            values = pc.round(values, 2).cast(pa.decimal128(18, 2))
        columns[name] = pc.fill_null(values.cast(pa.string()), "").to_pylist()
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
