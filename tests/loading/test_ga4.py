"""Tests the connector of Google Analytics 4 on small invented exports."""

import gzip
import json
from unittest.mock import ANY

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from clv_warehouse.loading.problems import LoadError
from exports import Loaded, write

# 2025-04-01 21:50:00 UTC, in microseconds.
FIRST = 1_743_544_200_000_000
MINUTE = 60_000_000


def event(name, minute=0, device="1.2", login="", item="", **cells):
    """Write a row of a flat export: an event, or an item of it."""
    row = {
        "event_timestamp": str(FIRST + minute * MINUTE),
        "event_name": name,
        "user_pseudo_id": device,
        "user_id": login,
        "ga_session_id": "1743544200",
        "transaction_id": "",
        "value": "",
        "currency": "EUR",
        "tax": "",
        "shipping": "",
        "item_id": item,
        "item_name": item.title(),
        "item_category": "",
        "price": "",
        "quantity": "",
        "item_revenue": "",
        "item_refund": "",
    }
    return row | cells


def sold(minute, order, item, price, quantity="1", **cells):
    row = event("purchase", minute, item=item, **{"login": "C1"} | cells)
    return row | {"transaction_id": order, "price": price, "quantity": quantity}


def nested(row, *items):
    """Write the event of a flat row as BigQuery exports it, as JSON."""
    kinds = {"value": "double_value", "ga_session_id": "int_value"}
    params = [
        {"key": key, "value": {kinds.get(key, "string_value"): row[key]}}
        for key in ("ga_session_id", "transaction_id", "value", "currency")
        if row[key]
    ]
    names = ("event_timestamp", "event_name", "user_pseudo_id")
    item_names = ("item_id", "item_name", "price", "quantity")
    return {name: row[name] for name in names} | {
        "user_id": row["user_id"] or None,
        "event_params": params,
        "traffic_source": {"source": "google", "medium": "cpc"},
        "geo": {"country": "Germany"},
        "items": [{name: item[name] for name in item_names} for item in items],
    }


ORDERS = """
    select order_id, customer_id, amount, currency
    from raw.orders
    order by loaded_order
"""


def test_a_purchase_counts_once_however_often_it_was_sent(tmp_path):
    rows = [
        *(sold(0, "T1", "MUG", "12.5", "2"), sold(0, "T1", "TEA", "25")),
        *(sold(2, "T1", "MUG", "12.5", "2"), sold(2, "T1", "TEA", "25")),
        sold(3, "(not set)", "MUG", "12.5"),
        sold(4, "", "MUG", "12.5"),
    ]
    loaded = Loaded("ga4", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select order_id, ordered_at, amount, updated_at from raw.orders"
        " order by loaded_order"
    ) == [
        ("T1", "2025-04-01 21:50:00", 50.0, "2025-04-01 21:50:00"),
        ("T1", "2025-04-01 21:52:00", 50.0, None),
        (f"1.2-{FIRST + 3 * MINUTE}-purchase", *("2025-04-01 21:53:00", 12.5), ANY),
        (f"1.2-{FIRST + 4 * MINUTE}-purchase", *("2025-04-01 21:54:00", 12.5), ANY),
    ]
    assert loaded.rows(
        "select line_number, product_id, quantity, unit_price from raw.order_lines"
        " where order_id = 'T1' order by 1"
    ) == [(1, "MUG", 2.0, 12.5), (2, "TEA", 1.0, 25.0)]
    assert (
        "1 purchases repeat a transaction_id; the first one counts" in loaded.reported
    )


@pytest.mark.parametrize(
    ("cells", "amount", "discount"),
    [
        ({"value": "40"}, 40.0, None),
        ({"value": "51", "tax": "3", "shipping": "8"}, 40.0, None),
        ({"value": "48", "tax": "3", "shipping": "8"}, 40.0, None),
        ({"value": ""}, 40.0, None),
        ({"value": "45"}, 45.0, None),
        ({"value": "36", "coupon": "TEN"}, 36.0, 4.0),
        ({"value": "36"}, 36.0, None),
    ],
)
def test_the_money_of_an_order_is_its_goods(tmp_path, cells, amount, discount):
    rows = [sold(0, "T1", "BOWL", "40", **cells)]
    loaded = Loaded("ga4", write(tmp_path / "a.csv", rows))
    assert loaded.rows("select amount, discount_amount from raw.orders") == [
        (amount, discount)
    ]
    assert loaded.rows("select quantity * unit_price from raw.order_lines") == [(40.0,)]


def test_items_that_stand_twice_in_one_event_are_told_by_its_value(tmp_path):
    twice = sold(0, "T1", "MUG", "10", value="10")
    both = sold(1, "T2", "MUG", "10", value="20")
    loaded = Loaded("ga4", write(tmp_path / "a.csv", [twice, twice, both, both]))
    assert loaded.rows(
        "select order_id, sum(quantity * unit_price) from raw.order_lines"
        " group by order_id order by 1"
    ) == [("T1", 10.0), ("T2", 20.0)]


def test_a_purchase_without_items_has_its_value(tmp_path):
    rows = [event("purchase", transaction_id="T1", value="9.5", login="C1")]
    loaded = Loaded("ga4", write(tmp_path / "a.csv", rows))
    assert loaded.rows(ORDERS) == [("T1", "C1", 9.5, "EUR")]
    assert loaded.rows("from raw.order_lines") == []


def test_refunds_are_of_items_or_of_all(tmp_path):
    rows = [
        *(sold(0, "T1", "MUG", "25"), sold(0, "T1", "TEA", "25")),
        event("refund", 5, item="TEA", transaction_id="T1", value="25")
        | {"item_refund": "25"},
        sold(6, "T2", "TEA", "30"),
        event("refund", 9, transaction_id="T2"),
    ]
    loaded = Loaded("ga4", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select order_id, refunded_at, amount from raw.refunds order by 1"
    ) == [("T1", "2025-04-01 21:55:00", 25.0), ("T2", "2025-04-01 21:59:00", 30.0)]


def test_events_are_of_products_and_others_are_told(tmp_path):
    rows = [
        event("view_item", 0, item="MUG"),
        event("view_item", 0, item="MUG"),
        event("add_to_cart", 1, item="MUG"),
        event("add_to_cart", 1, item="TEA"),
        event("view_search_results", 2),
        event("begin_checkout", 3, item="MUG"),
        event("scroll", 3),
        *(sold(4, "T1", "MUG", "5"), sold(4, "T1", "TEA", "5")),
    ]
    loaded = Loaded("ga4", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select event_id, event_type, product_id, session_id from raw.events order by 1"
    ) == [
        (f"1.2-{FIRST}-view_item", "view", "MUG", "1.2-1743544200"),
        (f"1.2-{FIRST + MINUTE}-add_to_cart", "cart", "MUG", "1.2-1743544200"),
        (f"1.2-{FIRST + MINUTE}-add_to_cart-item-2", "cart", "TEA", "1.2-1743544200"),
        (f"1.2-{FIRST + 2 * MINUTE}-view_search_results", "search", None, ANY),
        (f"1.2-{FIRST + 3 * MINUTE}-begin_checkout", "checkout", "MUG", ANY),
        (f"1.2-{FIRST + 4 * MINUTE}-purchase", "purchase", None, "1.2-1743544200"),
    ]
    assert "events not read: 1 (scroll 1)" in loaded.reported


def test_devices_belong_to_who_logged_in_on_them(tmp_path):
    rows = [
        event("view_item", 0, item="A"),
        event("view_item", 1, item="B", login="C1"),
        event("view_item", 2, item="C"),
        event("view_item", 3, item="D", login="C2"),
        event("view_item", 4, item="E"),
        event("view_item", 5, item="F", device="3.4"),
    ]
    loaded = Loaded("ga4", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select product_id, customer_id from raw.events order by product_id"
    ) == [("A", "C1"), ("B", "C1"), ("C", "C1"), ("D", "C2"), ("E", "C2"), ("F", None)]


def test_devices_stand_for_customers_only_where_nobody_logs_in(tmp_path):
    rows = [sold(0, "T1", "A", "5", login=""), sold(1, "T2", "A", "5", login="")]
    loaded = Loaded("ga4", write(tmp_path / "a.csv", rows))
    assert loaded.rows(ORDERS) == [("T1", "1.2", 5.0, "EUR"), ("T2", "1.2", 5.0, "EUR")]
    assert any("the 1 devices" in line for line in loaded.reported)


@pytest.mark.parametrize("form", ["jsonl", "json.gz", "list.json", "parquet"])
def test_nested_exports_give_what_flat_ones_give(tmp_path, form):
    items = [sold(1, "T1", "MUG", 12.5, "2"), sold(1, "T1", "TEA", 25, "1")]
    bought = items[0] | {"value": 50.0}
    viewed = event("view_item", 0, item="MUG", price=12.5, quantity="1")
    events = [nested(viewed, viewed), nested(bought, *items)]
    source = tmp_path / f"events.{form}"
    lines = "\n".join(map(json.dumps, events))
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(events), source)
    elif form == "json.gz":
        source.write_bytes(gzip.compress(lines.encode()))
    else:
        source.write_text(json.dumps(events) if form == "list.json" else lines)
    loaded = Loaded("ga4", source)
    assert loaded.rows(ORDERS) == [("T1", "C1", 50.0, "EUR")]
    assert loaded.rows(
        "select product_id, quantity, unit_price from raw.order_lines order by 1"
    ) == [("MUG", 2.0, 12.5), ("TEA", 1.0, 25.0)]
    assert loaded.rows(
        "select event_type, customer_id, product_id, occurred_at from raw.events"
        " order by occurred_at"
    ) == [
        ("view", "C1", "MUG", "2025-04-01 21:50:00"),
        ("purchase", "C1", None, "2025-04-01 21:51:00"),
    ]
    assert loaded.rows(
        "select customer_id, country, acquisition_channel from raw.customers"
    ) == [("C1", "Germany", "google / cpc")]


def test_a_day_that_is_complete_replaces_its_intraday_table(tmp_path):
    folder = tmp_path / "ga4"
    write(folder / "events_20250401.csv", [sold(0, "T1", "A", "5")])
    write(folder / "events_intraday_20250401.csv", [sold(9, "T9", "A", "5")])
    # The same event in a table that bears another day counts once.
    write(
        folder / "events_intraday_20250402.csv",
        [sold(0, "T1", "A", "5"), sold(1, "T2", "A", "5")],
    )
    loaded = Loaded("ga4", folder)
    assert loaded.rows(ORDERS) == [("T1", "C1", 5.0, "EUR"), ("T2", "C1", 5.0, "EUR")]


def test_other_names_and_times_of_flat_exports_are_read(tmp_path):
    row = {
        "event_timestamp": "2025-04-01 21:50:00.000000 UTC",
        "event_name": "purchase",
        "user_pseudo_id": "1.2",
        "ecommerce.transaction_id": "T1",
        "ecommerce.purchase_revenue": "25",
        "items.item_id": "MUG",
        "items.price": "12.5",
        "items.quantity": "2",
    }
    loaded = Loaded("ga4", write(tmp_path / "a.csv", [row]))
    assert loaded.rows(
        "select order_id, ordered_at, amount, customer_id from raw.orders"
    ) == [("T1", "2025-04-01 21:50:00", 25.0, "1.2")]


def test_times_that_a_spreadsheet_shortened_are_named(tmp_path):
    row = event("view_item", item="A") | {"event_timestamp": "1.74354E+15"}
    with pytest.raises(
        LoadError, match=r"row 2, column event_timestamp: '1.74354E\+15"
    ):
        Loaded("ga4", write(tmp_path / "a.csv", [row]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"event_name": "a"', "line 1: .* is no event as JSON"),
        ('{"name": "a"}', "line 1: .* has no event_name"),
    ],
)
def test_a_line_that_is_no_event_is_named(tmp_path, text, message):
    source = tmp_path / "events.jsonl"
    source.write_text(text)
    with pytest.raises(LoadError, match=message):
        Loaded("ga4", source)


def test_lists_searches_and_the_source_of_a_visit_are_kept(tmp_path):
    rows = [
        event("session_start", 0, source="newsletter", medium="email", gclid="g1"),
        event("view_item_list", 1, item="MUG", index="0"),
        event("view_item_list", 1, item="TEA", index="4"),
        event("search", 2, search_term="red mug"),
        sold(3, "T1", "MUG", "5", coupon="TEN"),
    ]
    loaded = Loaded("ga4", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select event_type, product_id, position, query from raw.events"
        " order by occurred_at, position"
    ) == [
        ("impression", "MUG", 1, None),
        ("impression", "TEA", 5, None),
        ("search", None, None, "red mug"),
        ("purchase", "MUG", None, None),
    ]
    assert loaded.rows(
        "select coupon_code, utm_source, utm_medium, click_id from raw.orders"
    ) == [("TEN", "newsletter", "email", "g1")]


def test_places_that_count_from_one_stay(tmp_path):
    rows = [
        event("view_item_list", 1, item="MUG", index="1"),
        event("view_item_list", 1, item="TEA", index="2"),
        sold(3, "T1", "MUG", "5"),
    ]
    loaded = Loaded("ga4", write(tmp_path / "a.csv", rows))
    assert loaded.rows(
        "select product_id, position from raw.events where position > 0 order by 2"
    ) == [("MUG", 1), ("TEA", 2)]
