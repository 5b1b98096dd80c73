"""Tests that a faulty shop gives rejected rows or one clear error."""

import os

import pandas as pd
import pytest

from warehouse import Warehouse, key_of

# All that tells which rows became facts.
FACTS = ("+fct_orders", "+rejected_records")
NO_TESTS = ("--exclude-resource-type", "unit_test", "test")
# `make test-cases` builds every model of each small shop. `make test` does so of a shop
# of one customer (tests/monitoring/test_builds.py).
BUILDS_ALL = bool(os.environ.get("ALL_CASES"))
VALUES = ("--select", "+customer_lifetime_value", "--indirect-selection", "cautious")


def orders_of(
    customers: list[str], days: list[str], amount: object = 10
) -> pd.DataFrame:
    """One order per customer and day, with an amount and no lines."""
    pairs = [(customer, day) for customer in customers for day in days]
    return pd.DataFrame(
        {
            "order_id": [f"o{number}" for number in range(len(pairs))],
            "customer_id": [customer for customer, _ in pairs],
            "ordered_at": [f"{day} 10:00:00" for _, day in pairs],
            "amount": [amount] * len(pairs),
        }
    )


def said_of(warehouse: Warehouse, *models: str, **settings: object) -> str:
    """Build some models, without tests; what dbt said. Asserts nothing."""
    return warehouse.dbt("build", "--select", *models, *NO_TESTS, **settings).stdout


def reasons(warehouse: Warehouse) -> dict[str, int]:
    rows = warehouse.query(
        "select reason, count(*) as records from orders.rejected_records group by all"
    )
    return dict(zip(rows["reason"], rows["records"], strict=True))


def test_missing_required_column_is_named(warehouse: Warehouse) -> None:
    orders = orders_of(["a"], ["2024-01-01"]).drop(columns="customer_id")
    warehouse.write_raw(orders=orders)
    said = said_of(warehouse, "+checked_orders")
    assert "Table raw.orders has no column 'customer_id'" in said
    assert "Rename or add the column" in said


def test_missing_orders_feed_says_how_to_load(warehouse: Warehouse) -> None:
    warehouse.write_raw(products=pd.DataFrame({"product_id": ["p"]}))
    said = said_of(warehouse, "+checked_orders")
    assert "No table raw.orders" in said
    assert "scripts/load.py" in said


def test_unreadable_values_are_rejected_and_kept(warehouse: Warehouse) -> None:
    orders = orders_of(["a", "b", "c"], ["2024-01-01", "2024-02-01"])
    orders["amount"] = ["10", "ten", "10", "10", "10", "10"]
    orders["ordered_at"] = [
        "2024-01-01",
        "2024-02-01",
        "2024-13-45",
        "1900-01-01",
        "2999-01-01",
        "2024-02-01",
    ]
    warehouse.write_raw(orders=orders)
    tables = ("--select", *FACTS, "+customer_features")
    tests = ("--indirect-selection", "cautious", "--exclude", "test_type:generic")
    done = warehouse.dbt("build", *tables, *tests, "test_type:unit")
    assert done.returncode == 0, done.stdout
    assert reasons(warehouse) == {
        "unreadable_number": 1,
        "unreadable_date": 1,
        "date_before_1970": 1,
        "date_in_future": 1,
    }
    records = warehouse.query("select record from orders.rejected_records")["record"]
    assert records.str.contains("ten").any()
    assert records.str.contains("2024-13-45").any()
    assert len(warehouse.query("select * from orders.fct_orders")) == 2


def test_mixed_currencies_stop_the_build(warehouse: Warehouse) -> None:
    orders = orders_of(["a", "b"], ["2024-01-01", "2024-02-01"])
    orders["currency"] = ["EUR", "eur", "USD", "EUR"]
    warehouse.write_raw(orders=orders)
    said = said_of(warehouse, "+checked_orders")
    assert "orders in EUR (3), USD (1)" in said
    assert "currency: EUR" in said
    warehouse.build("--select", *FACTS, currency="eur")
    assert reasons(warehouse) == {"other_currency": 1}
    kept = warehouse.query("select distinct currency from orders.fct_orders")
    assert list(kept["currency"]) == ["EUR"]


def test_a_currency_that_no_order_has_stops_the_build(warehouse: Warehouse) -> None:
    orders = orders_of(["a", "b"], ["2024-01-01", "2024-02-01"])
    orders["currency"] = "GBP"
    warehouse.write_raw(orders=orders)
    said = said_of(warehouse, "+checked_orders", currency="EUR")
    assert "a currency of the orders, which are in GBP (4)." in said
    # Before any table is made.
    assert " ERROR=" not in said


@pytest.mark.parametrize("amount", [0, None])
def test_a_shop_without_a_purchase_is_an_error(
    warehouse: Warehouse, amount: object
) -> None:
    orders = orders_of(["a", "b"], ["2024-01-01", "2024-02-01"], amount=amount)
    warehouse.write_raw(orders=orders)
    said = said_of(warehouse, "+as_of_dates")
    assert "No customer has a purchase of more than nothing" in said
    assert "orders.rejected_records" in said


def test_an_empty_shop_is_an_error(warehouse: Warehouse) -> None:
    warehouse.write_raw(orders=orders_of([], []))
    assert "No customer has a purchase" in said_of(warehouse, "+as_of_dates")


def test_as_of_date_before_the_data_is_an_error(warehouse: Warehouse) -> None:
    warehouse.write_raw(orders=orders_of(["a"], ["2024-01-01", "2024-02-01"]))
    said = said_of(warehouse, "+as_of_dates", as_of_date="2020-01-01")
    assert "var as_of_date is 2020-01-01, but must not lie before the first" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("customers", "days"),
    [
        pytest.param(
            [f"c{number}" for number in range(30)],
            ["2023-01-01"],
            id="nobody buys twice",
        ),
        pytest.param(
            ["a", "b", "c", "d"],
            ["2024-01-01", "2024-01-05", "2024-01-09"],
            id="history shorter than the shortest horizon",
        ),
    ],
)
def test_a_small_shop_is_scored_by_the_prior(
    warehouse: Warehouse, customers: list[str], days: list[str]
) -> None:
    warehouse.write_raw(orders=orders_of(customers, days))
    # With the identities that hold in every shop.
    but = ("--exclude", "test_type:generic", "test_type:unit")
    what = () if BUILDS_ALL else VALUES
    done = warehouse.dbt("build", *what, *but, as_of_date="2024-03-01")
    assert done.returncode == 0, done.stdout
    values = warehouse.query("select * from clv.customer_lifetime_value")
    assert sorted(values["customer_key"]) == sorted(map(key_of, customers))
    assert set(values["scored_by"]) == {"prior"}
    assert values["predicted_spend"].between(0, 1_000).all()
    assert values["lifetime_value"].notna().all()


def test_rows_that_were_appended_twice_change_no_fact(warehouse: Warehouse) -> None:
    facts = "select * from orders.fct_orders order by order_id"
    orders = orders_of(["a", "b"], ["2024-01-01", "2024-02-01"])
    orders["loaded_order"] = range(1, 5)
    warehouse.write_raw(orders=orders)
    warehouse.build("--select", *FACTS)
    once = warehouse.query(facts)
    again = orders.assign(loaded_order=range(5, 9))
    warehouse.write_raw(orders=pd.concat([orders, again]))
    warehouse.build("--select", *FACTS, "--exclude", "resource_type:seed")
    assert reasons(warehouse) == {"repeated_record": 4}
    pd.testing.assert_frame_equal(warehouse.query(facts), once)
