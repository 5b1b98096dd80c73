"""Tests that comparing two engines' tables finds all differences and no others."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from checks.comparison import Tolerance, differences

ROWS = [
    {
        "customer_key": "a",
        "day": date(2024, 5, 1),
        "at": datetime(2024, 5, 1, 10),
        "money": Decimal("1.2345"),
        "mean": 1000.0,
        "amounts": [1.5, 2.5],
        "record": '{"amount":1.50,"note":null}',
    },
    {
        "customer_key": "b",
        "day": None,
        "at": None,
        "money": None,
        "mean": None,
        "amounts": [],
        "record": None,
    },
]


def exactly(column: str) -> Tolerance:
    """What facts and features are compared with."""
    return Tolerance(1e-9)


def changed(**values) -> pa.Table:
    """The rows in another order, the first with other values."""
    return pa.Table.from_pylist([ROWS[1], ROWS[0] | values])


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"mean": 1000.0 + 1e-7},
        {"amounts": [1.5 + 1e-10, 2.5]},
        {"at": datetime(2024, 5, 1, 10, tzinfo=UTC)},
        {"record": '{"note":null,"amount":"1.5"}'},
    ],
)
def test_what_both_engines_mean_is_the_same(values) -> None:
    assert differences(pa.Table.from_pylist(ROWS), changed(**values), exactly) == []


@pytest.mark.parametrize(
    "values",
    [
        {"customer_key": "c"},
        {"day": None},
        {"at": datetime(2024, 5, 1, 11)},
        {"money": Decimal("1.2346")},
        {"mean": 1000.0 + 1e-5},
        {"mean": None},
        {"amounts": [2.5, 1.5]},
        {"amounts": [1.5]},
        {"record": '{"amount":1.51,"note":null}'},
        {"record": '{"amount":1.50}'},
    ],
)
def test_every_difference_is_found(values) -> None:
    found = differences(pa.Table.from_pylist(ROWS), changed(**values), exactly)
    assert set(values) <= {difference.column for difference in found}


def test_missing_rows_and_other_columns_are_differences() -> None:
    rows = pa.Table.from_pylist(ROWS)
    (found,) = differences(rows, rows[:1], 0)
    assert found.column == "number of rows"
    renamed = rows.rename_columns(["key", *rows.column_names[1:]])
    (found,) = differences(rows, renamed, 0)
    assert found.column == "all columns"


@pytest.mark.parametrize(("money", "is_same"), [("1.2346", True), ("1.2347", False)])
def test_a_forecast_may_be_rounded_either_way(money, is_same) -> None:
    found = differences(
        pa.Table.from_pylist(ROWS),
        changed(money=Decimal(money)),
        lambda column: Tolerance(1e-6, last_digits=1),
    )
    assert (not found) == is_same


def test_rows_are_counted_before_equal_ones_are_left_out() -> None:
    twice = pa.Table.from_pylist([ROWS[0], ROWS[0], ROWS[1]])
    once = pa.Table.from_pylist([ROWS[0], ROWS[1], ROWS[1]])
    assert differences(twice, once, exactly)
    assert not differences(twice, twice.take([2, 0, 1]), exactly)
