"""Tests that tables with kept rows equal those of a full refresh."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from zlib import crc32

import pandas as pd
import pytest

from clv_warehouse.loading.feeds import read_feeds
from warehouse import Warehouse

DAYS = 30
TABLES = {
    "orders": (
        "checked_orders",
        "checked_order_lines",
        "matched_returns",
        "matched_credits",
        "fct_refunds",
        "money_checks",
        "fct_orders",
        "fct_order_lines",
        "checked_events",
        "rejected_records",
        "dim_customers",
    ),
    "features": ("customer_days", "customer_visits", "customer_reviews"),
}


@pytest.fixture(scope="module")
def feeds(root) -> dict[str, pd.DataFrame]:
    """A third of the sample shop's customers, dirty as they are; all text.

    With them goes whatever names no customer or order, or one that is not there.
    """
    folder = root / "seeds" / "sample"
    feeds = {
        feed.name: pd.read_csv(folder / f"sample_{feed.name}.csv", dtype=str)
        for feed in read_feeds()
    }
    orders = feeds["orders"]
    names = orders["customer_id"].str.strip().str.lower()
    others = {name for name in set(names.dropna()) if crc32(name.encode()) % 3}
    theirs = set(orders["order_id"][names.isin(others)].str.strip())
    left_out = {"customer_id": others, "order_id": theirs}
    for feed, rows in feeds.items():
        for column in left_out.keys() & {*rows}:
            given = rows[column].str.strip()
            given = given.str.lower() if column == "customer_id" else given
            rows = rows[~given.isin(left_out[column])]
        feeds[feed] = rows.reset_index(drop=True)
    return feeds


def with_refunds(feeds: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Money back of all kinds, of every 40th of the orders, in place of the sample's.

    A refund of the feed comes a hundred days after its order, when that is settled; a
    credit bears its order's number.
    """
    orders = feeds["orders"].drop_duplicates("order_id")
    times = pd.to_datetime(orders["ordered_at"], errors="coerce", format="mixed")
    sold = orders[
        (times > "2000")
        & (times < pd.Timestamp.now())
        & (orders["status"] == "completed")
    ]
    later = times[sold.index] + timedelta(days=100)
    refunds = pd.DataFrame(
        {
            "refund_id": "R" + sold["order_id"].str.strip(),
            "order_id": sold["order_id"],
            "refunded_at": later.astype(str),
            "amount": "5.00",
            "line_number": None,
        }
    )[::40]
    back = later + timedelta(days=2)
    credits = sold.assign(
        order_id=sold["order_id"].str.strip() + "-R",
        ordered_at=back.astype(str),
        amount="-" + sold["amount"],
    )[20::40]
    known = pd.to_datetime(credits["ordered_at"]) <= times[sold.index].max()
    return feeds | {
        "orders": pd.concat([feeds["orders"], credits[known]], ignore_index=True),
        "refunds": refunds[
            pd.to_datetime(refunds["refunded_at"]) <= times[sold.index].max()
        ],
    }


def until(
    feeds: dict[str, pd.DataFrame], date: pd.Timestamp
) -> dict[str, pd.DataFrame]:
    """What the shop knew on the evening of a day; undated rows were always there."""

    def known(rows: pd.DataFrame, column: str) -> pd.Series:
        times = pd.to_datetime(rows[column], errors="coerce", format="mixed")
        return times.isna() | (times < date + timedelta(days=1))

    orders, events, refunds = feeds["orders"], feeds["events"], feeds["refunds"]
    orders = orders[known(orders, "ordered_at")]
    later = set(feeds["orders"]["order_id"]) - set(orders["order_id"])
    lines = feeds["order_lines"]
    return feeds | {
        "orders": orders,
        "order_lines": lines[~lines["order_id"].isin(later)],
        "events": events[known(events, "occurred_at")],
        "refunds": refunds[known(refunds, "refunded_at")],
    }


def corrected(feeds: dict[str, pd.DataFrame], date: pd.Timestamp) -> dict:
    """What shops do after the fact to orders of the fortnight before a day."""
    orders, lines = feeds["orders"].copy(), feeds["order_lines"].copy()
    times = pd.to_datetime(orders["ordered_at"], errors="coerce", format="mixed")
    recent = orders.index[(times <= date) & (times > date - timedelta(days=14))]
    old = orders.index[times < date - timedelta(days=200)]
    cancelled, deleted, reassigned, moved = recent[:4]
    orders.loc[cancelled, "status"] = "cancelled"
    orders.loc[reassigned, "customer_id"] = orders.loc[old[0], "customer_id"]
    orders.loc[moved, "ordered_at"] = str(date - timedelta(days=20))
    # The same number again, today: it contradicts an old order.
    again = orders.loc[[old[1]]].assign(ordered_at=str(date), status="delivered")
    lines.loc[lines["order_id"] == orders.loc[recent[4], "order_id"], "unit_price"] = (
        "7"
    )
    return feeds | {
        "orders": pd.concat([orders.drop(index=deleted), again], ignore_index=True),
        "order_lines": lines,
    }


def build(warehouse: Warehouse, *arguments: str) -> None:
    tables = (f"+{table}" for tables in TABLES.values() for table in tables)
    warehouse.build("--select", *tables, *arguments, reload_days=DAYS)


# A later build needs no seed and no view again.
AGAIN = ("--exclude", "resource_type:seed", "config.materialized:view")


def rows(warehouse: Warehouse) -> dict[str, pd.DataFrame]:
    return {
        table: warehouse.query(f"select * from {schema}.{table} order by all")
        for schema, tables in TABLES.items()
        for table in tables
    }


@dataclass(frozen=True)
class History:
    """The sample shop, built on three days, and then anew.

    Attributes:
        warehouse: after all builds. Tests change a copy.
        raw: the feeds of the last day.
        first: the tables of the first day.
        kept: the tables of the last day, some of whose rows are of earlier builds.
        anew: the tables after a full refresh of that day.

    """

    warehouse: Warehouse
    raw: dict[str, pd.DataFrame]
    first: dict[str, pd.DataFrame]
    kept: dict[str, pd.DataFrame]
    anew: dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def history(
    warehouse_in: Callable[[Path], Warehouse],
    tmp_path_factory: pytest.TempPathFactory,
    feeds: dict[str, pd.DataFrame],
) -> History:
    warehouse = warehouse_in(tmp_path_factory.mktemp("history"))
    feeds = with_refunds(feeds)
    times = pd.to_datetime(
        feeds["orders"]["ordered_at"], errors="coerce", format="mixed"
    )
    last = times[times < pd.Timestamp.now()].max().normalize()
    first, second = last - timedelta(days=60), last - timedelta(days=25)
    warehouse.write_raw(**until(feeds, first))
    build(warehouse)
    before = rows(warehouse)
    warehouse.write_raw(**until(feeds, second))
    build(warehouse, *AGAIN)
    raw = corrected(until(feeds, last), second)
    warehouse.write_raw(**raw)
    build(warehouse, *AGAIN)
    kept = rows(warehouse)
    build(warehouse, "--full-refresh", *AGAIN)
    return History(warehouse, raw, before, kept, rows(warehouse))


@pytest.fixture
def built(history: History, tmp_path: Path) -> Warehouse:
    """A copy of the warehouse after its history."""
    warehouse = replace(history.warehouse, folder=tmp_path)
    shutil.copy(history.warehouse.path, warehouse.path)
    return warehouse


@pytest.mark.slow
def test_a_history_of_reloads_is_a_full_refresh(history: History) -> None:
    for table, expected in history.anew.items():
        pd.testing.assert_frame_equal(history.kept[table], expected, obj=table)
    assert len(history.first["fct_orders"]) < len(history.kept["fct_orders"])
    for table in ("fct_refunds", "matched_credits"):
        assert 0 < len(history.first[table]) < len(history.kept[table])


def test_rows_that_are_settled_are_not_built(
    built: Warehouse, history: History
) -> None:
    orders, lines = history.raw["orders"], history.raw["order_lines"]
    times = pd.to_datetime(orders["ordered_at"], errors="coerce", format="mixed")
    old = times.sort_values().index[100]
    gone = lines["order_id"] == orders.loc[old, "order_id"]
    assert gone.any()
    built.write_raw(**history.raw | {"order_lines": lines[~gone]})
    build(built, *AGAIN)
    pd.testing.assert_frame_equal(rows(built)["fct_orders"], history.anew["fct_orders"])


def test_a_run_that_fails_leaves_the_last_good_tables(
    built: Warehouse, history: History
) -> None:
    two = history.raw["orders"].assign(currency="GBP")
    two.loc[two.index[:5], "currency"] = "EUR"
    built.write_raw(**history.raw | {"orders": two})
    failed = built.dbt("run", "--select", "orders", reload_days=DAYS)
    assert failed.returncode != 0
    assert "Amounts of several currencies" in failed.stdout
    left = rows(built)
    for table, expected in history.anew.items():
        pd.testing.assert_frame_equal(left[table], expected, obj=table)
