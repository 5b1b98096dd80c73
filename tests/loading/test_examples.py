"""Loads and builds invented exports of each system, whose tables say what comes out.

The files lie beside the project with the facts of their formats.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import pytest

from clv_warehouse.loading.connectors import CONNECTORS, mapped_by
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.load import load
from clv_warehouse.project.places import ROOT
from warehouse import Warehouse, key_of

FOLDER = ROOT.parent / "shared" / "formats" / "examples"

# By order: person, meaning of the status, UTC time, currency, goods, shipping, tax,
# total, and what of the total was kept.
Order = tuple[str | None, str, str, str | None, float, float, float, float, float]


@dataclass(frozen=True)
class Example:
    """What must come of a file: orders by number, and refunds by order and day."""

    connector: str
    zone: str
    orders: dict[str, Order]
    rejected: dict[str, int] = field(default_factory=dict)
    refunds: list[tuple[str, str, float]] = field(default_factory=list)
    spend: dict[str, float] = field(default_factory=dict)
    currency: str | None = None

    @property
    def has_customers(self) -> bool:
        return any(order[0] is not None for order in self.orders.values())


ADA, BO, CY = "ada@example.com", "bo@example.com", "cy@example.com"
DEE, EVE, FAY = "dee@example.com", "eve@example.com", "fay@example.com"
GUS = "gus@example.com"

# Prices include the tax. An order in dollars is left out with a currency of EUR.
SHOPIFY: dict[str, Order] = {
    "500000001001": (
        *(ADA, "sale", "2025-03-29 22:30:00", "EUR"),
        *(41.23, 4.90, 8.77, 54.90, 54.90),
    ),
    "500000001002": (
        *(ADA, "sale", "2025-03-30 01:15:00", "EUR"),
        *(37.82, 0.00, 7.18, 45.00, 45.00),
    ),
    "500000001003": (
        *(BO, "sale", "2025-04-02 08:00:00", "EUR"),
        *(49.64, 4.90, 10.36, 64.90, 44.90),
    ),
    "500000001004": (
        *(None, "sale", "2025-04-03 15:45:10", "EUR"),
        *(12.61, 0.00, 2.39, 15.00, 15.00),
    ),
    "500000001005": (
        *(CY, "refunded", "2025-04-05 06:00:00", "EUR"),
        *(24.43, 4.90, 5.57, 34.90, 0.00),
    ),
    "500000001006": (
        *(CY, "never", "2025-04-06 07:00:00", "EUR"),
        *(18.49, 0.00, 3.51, 22.00, 0.00),
    ),
    "500000001007": (
        *(DEE, "not_yet", "2025-04-07 09:11:11", "EUR"),
        *(67.23, 0.00, 12.77, 80.00, 0.00),
    ),
    "500000001009": (
        *(ADA, "sale", "2025-10-26 01:30:00", "EUR"),
        *(0.00, 0.00, 0.00, 0.00, 0.00),
    ),
}

# Tax comes on top.
WOOCOMMERCE: dict[str, Order] = {
    "2001": (
        *(ADA, "sale", "2025-05-01 22:40:00", None),
        *(22.50, 5.00, 5.50, 33.00, 33.00),
    ),
    "2002": (
        *(EVE, "sale", "2025-05-02 08:00:00", None),
        *(30.00, 0.00, 6.00, 36.00, 36.00),
    ),
    "2003": (
        *(BO, "sale", "2025-05-03 09:30:00", None),
        *(24.00, 0.00, 4.80, 28.80, 19.20),
    ),
    "2004": (
        *(CY, "refunded", "2025-05-04 11:00:00", None),
        *(50.00, 0.00, 10.00, 60.00, 0.00),
    ),
    "2005": (
        *(CY, "never", "2025-05-05 07:00:00", None),
        *(50.00, 0.00, 10.00, 60.00, 0.00),
    ),
    "2006": (
        *(CY, "never", "2025-05-05 07:05:00", None),
        *(20.00, 0.00, 4.00, 24.00, 0.00),
    ),
    "2007": (
        *(DEE, "not_yet", "2025-05-06 14:00:00", None),
        *(60.00, 0.00, 12.00, 72.00, 0.00),
    ),
    "2008": (
        *(EVE, "not_yet", "2025-05-07 15:00:00", None),
        *(10.00, 0.00, 2.00, 12.00, 0.00),
    ),
}


def plain(
    person: str | None, meaning: str, at: str, currency: str | None, *money: float
) -> Order:
    """Return an order whose money is not told apart: its total, and what was kept."""
    total, kept = money
    return (person, meaning, at, currency, total, 0.0, 0.0, total, kept)


ANALYTICS = {
    "2001": plain("name:Ada Example", "sale", "2025-05-01 22:40:00", None, 22.5, 22.5),
    "2002": plain("name:Eve Guest", "sale", "2025-05-02 08:00:00", None, 30.0, 30.0),
    "2003": plain("name:Bo Sample", "sale", "2025-05-03 09:30:00", None, 24.0, 16.0),
    "2004": plain("name:Cy Test", "refunded", "2025-05-04 11:00:00", None, 50.0, 0.0),
    "2007": plain("name:Dee Demo", "not_yet", "2025-05-06 14:00:00", None, 60.0, 0.0),
}

STRIPE = {
    "1001": plain(ADA, "sale", "2025-03-29 22:30:05", "EUR", 54.90, 54.90),
    "1003": plain(BO, "sale", "2025-04-02 08:00:03", "EUR", 64.90, 44.90),
    "1005": plain(CY, "refunded", "2025-04-05 06:00:09", "EUR", 34.90, 0.0),
    "1006": plain(CY, "not_yet", "2025-04-06 07:00:00", "EUR", 22.00, 0.0),
    "1007": plain(DEE, "sale", "2025-04-07 09:14:40", "EUR", 80.00, 80.00),
    "py_ex0007": plain(FAY, "sale", "2025-04-09 01:00:00", "EUR", 30.85, 30.85),
    "ch_ex0008": plain(FAY, "sale", "2025-04-10 12:00:00", "EUR", 11.04, 11.04),
    "1010": plain(GUS, "sale", "2025-04-11 13:30:00", "EUR", 45.00, 0.0),
    "ch_ex0010": plain(
        "test@example.com", "test", "2025-04-12 09:00:00", "EUR", 54.90, 0.0
    ),
}

GA4 = Example(
    "ga4",
    "Europe/Berlin",
    {
        "T-5001": plain("id:C-1", "sale", "2025-04-01 22:15:00", "EUR", 50.0, 25.0),
        "T-5002": plain(None, "sale", "2025-04-03 10:20:00", "EUR", 45.0, 45.0),
        "777.888-1744200000000000-purchase": plain(
            None, "sale", "2025-04-09 12:00:00", "EUR", 12.5, 12.5
        ),
    },
    currency="EUR",
    rejected={"superseded": 1, "other_currency": 1, "order_rejected": 1},
    refunds=[("T-5001", "2025-04-05", 25.0)],
    spend={"id:C-1": 25.0},
)

MAGENTO: dict[str, Order] = {
    "000000101": (
        *(ADA, "sale", "2025-11-03 13:05:09", "EUR"),
        *(50.00, 4.90, 0.00, 54.90, 54.90),
    ),
    "000000102": plain(ADA, "sale", "2025-11-04 08:10:00", "EUR", 45.00, 45.00),
    "000000103": (
        *(BO, "sale", "2025-11-05 09:00:00", "EUR"),
        *(60.00, 4.90, 0.00, 64.90, 44.90),
    ),
    "000000104": (
        *(CY, "refunded", "2025-11-06 07:00:00", "EUR"),
        *(30.00, 4.90, 0.00, 34.90, 0.00),
    ),
    "000000105": plain(CY, "never", "2025-11-06 07:30:00", "EUR", 22.00, 0.00),
    "000000106": plain(DEE, "not_yet", "2025-11-07 10:11:11", "EUR", 80.00, 0.00),
    "000000107": plain(DEE, "not_yet", "2025-11-07 23:05:00", "EUR", 12.00, 0.00),
    "000000108": plain(EVE, "not_yet", "2025-11-08 15:00:00", "EUR", 99.00, 0.00),
    "2000000001": plain(ADA, "not_yet", "2025-11-09 11:30:00", "EUR", 30.00, 0.00),
}

# The report names no buyer.
AMAZON: dict[str, Order] = {
    "302-0000001-0000001": (
        *(None, "sale", "2025-06-01 22:30:00", "EUR"),
        *(45.00, 4.90, 0.00, 49.90, 49.90),
    ),
    "302-0000002-0000002": plain(
        None, "sale", "2025-06-02 08:00:00", "EUR", 40.0, 40.0
    ),
    "302-0000003-0000003": plain(
        None, "not_yet", "2025-06-03 09:00:00", None, 0.0, 0.0
    ),
    "302-0000004-0000004": plain(None, "never", "2025-06-04 10:00:00", None, 0.0, 0.0),
    "302-0000005-0000005": plain(
        None, "sale", "2025-06-05 11:00:00", "EUR", 66.0, 66.0
    ),
}

EXAMPLES = {
    "magento_orders.csv": Example(
        "map magento.yml",
        "Europe/Berlin",
        MAGENTO,
        refunds=[
            ("000000103", "2025-11-05", 20.0),
            ("000000104", "2025-11-06", 34.9),
        ],
        spend={ADA: 99.9, BO: 44.9},
    ),
    "amazon_orders.txt": Example(
        "map amazon.yml",
        "UTC",
        AMAZON,
        # Orders in pounds and rupees, and lines that have no price yet.
        rejected={"other_currency": 2, "order_rejected": 2, "unreadable_number": 2},
        currency="EUR",
    ),
    "shopify_orders_export.csv": Example(
        "shopify",
        "Europe/Berlin",
        SHOPIFY,
        currency="EUR",
        rejected={"other_currency": 1, "order_rejected": 1},
        spend={ADA: 83.95, BO: 37.73},
        refunds=[
            ("500000001003", "2025-04-02", 20.0),
            ("500000001005", "2025-04-05", 34.9),
        ],
    ),
    "woocommerce_orders.csv": Example(
        "woocommerce",
        "Europe/London",
        WOOCOMMERCE,
        refunds=[("2003", "2025-05-03", 9.6), ("2004", "2025-05-04", 60.0)],
        spend={ADA: 27.5, EVE: 30.0, BO: 16.0},
    ),
    "woocommerce_analytics_orders.csv": Example(
        "woocommerce",
        "Europe/London",
        ANALYTICS,
        # They count on the day of the last order, which they follow.
        refunds=[("2003", "2025-05-06", 8.0), ("2004", "2025-05-06", 50.0)],
        spend={"name:Ada Example": 22.5, "name:Bo Sample": 16.0},
    ),
    "stripe_charges.csv": Example(
        "stripe",
        "UTC",
        STRIPE,
        rejected={"superseded": 1},
        refunds=[
            ("1003", "2025-04-02", 20.0),
            ("1005", "2025-04-05", 34.9),
            ("1010", "2025-04-11", 45.0),
        ],
        spend={ADA: 54.9, BO: 44.9, DEE: 80.0, FAY: 41.89},
    ),
    "ga4_events.csv": GA4,
    "ga4_events.jsonl": GA4,
}


def key(person: str | None) -> str | None:
    """Return the customer_key of an address, of id:... or of name:..."""
    if person is None:
        return None
    kind, _, value = person.rpartition(":")
    if kind == "name":
        value = "name-" + hashlib.sha256(value.lower().encode()).hexdigest()[:16]
    return key_of(value)


def rows(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    found = warehouse.query(sql)
    found = found.astype(object).where(found.notna(), None)
    return [tuple(row) for row in found.itertuples(index=False)]


@pytest.mark.parametrize("file", EXAMPLES)
def test_example(file: str, warehouse: Warehouse) -> None:
    source = FOLDER / file
    if not source.is_file():
        pytest.skip(f"{source} is absent: it is not part of the project")
    example = EXAMPLES[file]
    kind, _, mapping = example.connector.partition(" ")
    connector = (
        mapped_by(ROOT / "docs" / "mappings" / mapping) if mapping else CONNECTORS[kind]
    )
    load(connector, source, warehouse.path, read_feeds(), lambda line: None)
    warehouse.build(
        *("--select", "+fct_orders", "+fct_refunds", "+rejected_records"),
        "+money_checks",
        # Without a customer there is nothing to predict, and the build stops here.
        *(("+customer_features",) if example.has_customers else ()),
        time_zone=example.zone,
        currency=example.currency,
    )

    found = rows(
        warehouse,
        """
        with refunds as (
            select order_id, sum(amount) as amount
            from orders.fct_refunds
            group by order_id
        )

        select
            order_id,
            customer_key,
            status_meaning,
            strftime(ordered_at, '%Y-%m-%d %H:%M:%S') as ordered_at,
            currency,
            cast(goods_amount as double) as goods,
            cast(shipping_amount as double) as shipping,
            cast(tax_amount as double) as tax,
            cast(total_amount as double) as total,
            cast(
                if(is_sale, total_amount - coalesce(refunds.amount, 0), 0) as double
            ) as kept
        from orders.fct_orders
        left join refunds using (order_id)
        order by order_id
        """,
    )
    assert {each[0]: (key(each[1]), *each[2:]) for each in expected(example)} == {
        each[0]: pytest.approx(each[1:]) for each in found
    }
    assert example.rejected == dict(
        rows(
            warehouse,
            "select reason, count(*) from orders.rejected_records group by reason",
        )
    )
    assert example.refunds == rows(
        warehouse,
        "select order_id, cast(refunded_date as varchar), cast(amount as double)"
        " from orders.fct_refunds order by order_id",
    )
    assert rows(warehouse, "from orders.money_checks") == []
    if not example.spend:
        return
    spend = dict(
        rows(
            warehouse,
            "select customer_key, past_spend from features.customer_features"
            " where as_of_date = (select max(as_of_date) from features.as_of_dates)",
        )
    )
    for person, amount in example.spend.items():
        assert spend.get(key(person)) == pytest.approx(amount, abs=0.005), person


def expected(example: Example) -> list[tuple[Any, ...]]:
    return [(order, *values) for order, values in example.orders.items()]
