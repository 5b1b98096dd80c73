"""Tests that a setting that cannot be of the shop stops a run before it builds."""

import duckdb
import pandas as pd
import pytest

from warehouse import Warehouse

ORDERS = pd.DataFrame(
    {
        "order_id": ["1", "2", "3"],
        "customer_id": ["ann", "bob", "ann"],
        "ordered_at": ["2023-01-05", "2023-06-01 12:00", "2024-03-05"],
        "amount": ["10", "20", "30"],
        "currency": [" eur", "EUR", ""],
    }
)

EARLIER = """
    create schema reference;
    create table reference.nobody_ids as select 'earlier' as id
"""


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"currency": "gbp"},
            "var currency is 'gbp', but must be a currency of the orders, which are in "
            "EUR (2).",
        ),
        (
            {"as_of_date": "2023-01-04"},
            "var as_of_date is 2023-01-04, but must not lie before the first order, on "
            "2023-01-05. The last one is on 2024-03-05; leave the var out to score as "
            "of then.",
        ),
        (
            {"min_history_days": 400},
            "var min_history_days is 400, and the shortest of origin_step_days and "
            "horizons is 30, but there are 425 days from the first order, on "
            "2023-01-05, to 2024-03-05: no past date is left to learn from. The two "
            "must add up to at most 425.",
        ),
    ],
)
def test_a_setting_that_is_not_of_the_shop_changes_no_table(
    warehouse: Warehouse, settings: dict[str, object], sentence: str
) -> None:
    warehouse.write_raw(orders=ORDERS)
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(EARLIER)
    done = warehouse.dbt("build", "--exclude-resource-type", "unit_test", **settings)
    assert done.returncode == 2
    assert sentence in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout
    assert warehouse.query("from reference.nobody_ids").id.tolist() == ["earlier"]
    tables = warehouse.query("select table_name from information_schema.tables")
    assert sorted(tables.table_name) == ["nobody_ids", "orders"]


def test_what_can_be_of_the_shop_is_taken(warehouse: Warehouse) -> None:
    warehouse.write_raw(orders=ORDERS)
    for settings in (
        {"currency": "Eur", "as_of_date": "2023-01-05"},
        # The two add up to the days that there are.
        {"min_history_days": 395},
        # A young shop has no past date, whatever the settings say.
        {"as_of_date": "2023-12-31", "min_history_days": 30_000},
    ):
        done = warehouse.dbt("run", "--select", "stg_calendar", **settings)
        assert done.returncode == 0, done.stdout
