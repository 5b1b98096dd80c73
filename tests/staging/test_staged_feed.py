"""Tests how staging reads the texts of a feed."""

import json

import duckdb
import pandas as pd

from warehouse import Warehouse, key_of


def stage(warehouse: Warehouse, *views: str) -> None:
    """Build views of staging, and the seed that they read."""
    warehouse.build("--select", "nobody_ids", *views)


def test_blank_text_is_null_and_other_text_is_trimmed(warehouse: Warehouse) -> None:
    orders = pd.DataFrame(
        {
            "order_id": [" 1 ", "2", "3"],
            "customer_id": ["ann", "", "   "],
            "ordered_at": ["2024-01-31 10:00:00", "2024-02-01", " "],
            "status": [" Paid", "", "  "],
            "amount": ["12.50", "", " 7 "],
        }
    )
    warehouse.write_raw(orders=orders)
    stage(warehouse, "stg_orders")
    staged = warehouse.query(
        "select order_id, customer_key is null as is_guest, ordered_at::date::varchar, "
        "status, amount::double, unreadable from staging.stg_orders order by order_id"
    )
    # A blank date or amount is absent; it is not one that could not be read.
    assert staged.astype(object).where(staged.notna(), None).values.tolist() == [
        ["1", False, "2024-01-31", "Paid", 12.5, None],
        ["2", True, "2024-02-01", None, None, None],
        ["3", True, None, None, 7.0, None],
    ]


def test_an_id_is_one_in_every_spelling(warehouse: Warehouse) -> None:
    ids = {
        "17850": ["17850", "17850.0", " 17850 ", "17850\u200b", "'17850", "17850,0"],
        "012583": ["012583"],
        "12583": ["12583"],
        "12.5": ["12.5"],
        "1.000": ["1.000"],
        "C-1001": ["C-1001", "\u00a0C-1001"],
        None: ["", " ", "\u00a0"],
    }
    spelled = [(key, text) for key, texts in ids.items() for text in texts]
    lines = pd.DataFrame(
        {
            "order_id": [text for _, text in spelled],
            "product_id": [text for _, text in spelled],
            "quantity": [str(place) for place in range(len(spelled))],
        }
    )
    warehouse.write_raw(order_lines=lines)
    stage(warehouse, "stg_order_lines")
    staged = warehouse.query(
        "select order_id, product_id from staging.stg_order_lines order by quantity"
    )
    for column in ("order_id", "product_id"):
        found = staged[column].astype(object).where(staged[column].notna(), None)
        assert found.tolist() == [key for key, _ in spelled]


def test_an_id_that_names_a_person_becomes_a_key_of_its_own(
    warehouse: Warehouse,
) -> None:
    people = [
        ["Ann@Example.com", "ann@example.com ", "mailto:ann@example.com"],
        ["Ann <ANN@example.com>", "ann@\u200bexample.com", "ann @ example.com"],
        ["o'brien@example.com"],
        ["brien@example.com"],
        [
            "+49 170 1234567",
            "+491701234567",
            "0049 (170) 123-4567",
            "tel:+491701234567",
        ],
        ["555-123-4567", "(555) 123 4567", "tel:555.123.4567"],
        ["5551234567"],
        ["2024-17"],
        ["8f14e45f-ceea-467f-a0d4-1b2c3d4e5f60"],
    ]
    people[0] += people.pop(1)
    spelled = [(who, text) for who, texts in enumerate(people) for text in texts]
    customers = pd.DataFrame(
        {
            "customer_id": [text for _, text in spelled],
            "country": [f"near {text}" for _, text in spelled],
            "signed_up_at": [f"2024-01-{day + 1:02}" for day in range(len(spelled))],
        }
    )
    warehouse.write_raw(customers=customers)
    stage(warehouse, "stg_customers")
    staged = warehouse.query(
        "select customer_key, country from staging.stg_customers order by signed_up_at"
    )
    keys: dict[int, set[str]] = {}
    for (who, _), key in zip(spelled, staged["customer_key"], strict=True):
        keys.setdefault(who, set()).add(key)
    assert [len(found) for found in keys.values()] == [1] * len(people)
    assert len(set.union(*keys.values())) == len(people)
    written_once = ["ann@example.com", "o'brien@example.com", "brien@example.com"]
    written_once += ["+491701234567", "+5551234567"]
    written_once += [texts[0] for texts in people[5:]]
    assert [key for found in keys.values() for key in found] == [
        key_of(text) for text in written_once
    ]
    assert not staged["country"].str.contains("@example|[+]49", regex=True).any()


def test_words_for_nobody_are_no_customers(warehouse: Warehouse) -> None:
    words = ["0", "0.0", "-1", "nan", "None", "NULL", "N/A", "#N/A", "\\N", "GUEST"]
    words += ["(not set)", "-", "Walk-In", "00000000-0000-0000-0000-000000000000"]
    orders = pd.DataFrame({"order_id": words, "customer_id": words, "ordered_at": ""})
    warehouse.write_raw(orders=orders)
    stage(warehouse, "stg_orders")
    staged = warehouse.query(
        "select order_id from staging.stg_orders where customer_key is not null"
    )
    assert staged.empty


def test_numbers_that_are_none_are_unreadable(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.orders as select * from (values "
            "(1.0::double, 17850.0::double, '2024-01-01', 'nan'::double, "
            "5::decimal(18, 0)),"
            "(2.0, 'nan'::double, '2024-01-02', 7, 5),"
            "(3.0, 12583.0, '2024-01-03', 'inf'::double, 5),"
            "(4.0, 2.0, '2024-01-04', 1e30, null),"
            "(5.0, 1e16, '2024-01-05', null, 100000000000000)"
            ") as made (order_id, customer_id, ordered_at, refunded_amount, amount)"
        )
    stage(warehouse, "stg_orders")
    staged = warehouse.query(
        "select order_id, customer_key, refunded_amount::double, amount::double, "
        "unreadable from staging.stg_orders order by ordered_at"
    )
    assert staged.astype(object).where(staged.notna(), None).values.tolist() == [
        ["1", key_of("17850"), None, 5.0, unread(refunded_amount="nan")],
        ["2", None, 7.0, 5.0, None],
        ["3", key_of("12583"), None, 5.0, unread(refunded_amount="inf")],
        ["4", key_of("2"), None, None, unread(refunded_amount="1e+30")],
        [
            "5",
            None,
            None,
            None,
            unread(customer_id="[customer]", amount="100000000000000"),
        ],
    ]


def unread(**texts: str) -> str:
    """What stands in the column unreadable of the table above."""
    columns = ("order_id", "customer_id", "ordered_at", "amount", "refunded_amount")
    return json.dumps(
        {name: texts.get(name) for name in columns}, separators=(",", ":")
    )
