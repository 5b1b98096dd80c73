"""Tests that a day is a day in the shop's time zone, in facts, features and checks."""

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from warehouse import Warehouse

# Up to the days on which customers bought, and the day as of which they are scored.
BUILT = ("--select", "+customer_days", "+as_of_dates")
UNTESTED = ("--exclude-resource-type", "test", "unit_test")
REJECTED = """
    select rejection_reason as reason from orders.checked_orders
    where rejection_reason is not null
"""


def orders_at(*times: object) -> pd.DataFrame:
    """An order of the customer ann at each time."""
    return pd.DataFrame(
        {
            "order_id": [str(number) for number in range(len(times))],
            "customer_id": ["ann"] * len(times),
            "ordered_at": list(times),
            "amount": [10] * len(times),
        }
    )


def days(warehouse: Warehouse) -> list[str]:
    found = warehouse.query(
        "select activity_date::varchar as day from features.customer_days order by day"
    )
    return list(found["day"])


# In each zone, two orders of one day of the shop that UTC has on two days, or of two
# days that UTC has on one; and a date alone, which is the shop's day.
@pytest.mark.parametrize(
    ("zone", "times", "expected"),
    [
        (
            "America/New_York",
            ["2024-01-05T18:30:00-05:00", "2024-01-05T19:30:00-05:00", "2024-02-01"],
            ["2024-01-05", "2024-02-01"],
        ),
        (
            "Europe/Berlin",
            [
                "2024-03-31T00:30:00+01:00",
                "2024-03-31T23:30:00+02:00",
                "2024-03-30 23:30:00",
                "2024-07-01",
            ],
            ["2024-03-30", "2024-03-31", "2024-07-01"],
        ),
        (
            "Pacific/Auckland",
            ["2024-01-05 10:00:00Z", "2024-01-05 11:00:00Z", "2024-01-05 23:59"],
            ["2024-01-05", "2024-01-06"],
        ),
    ],
)
def test_a_purchase_day_is_the_shops_day(
    warehouse: Warehouse, zone: str, times: list[str], expected: list[str]
) -> None:
    warehouse.write_raw(orders=orders_at(*times))
    warehouse.build(*BUILT, time_zone=zone)
    assert days(warehouse) == expected
    scored = warehouse.query(
        "select as_of_date::varchar as day from features.as_of_dates"
        " where is_scoring_date"
    )
    assert list(scored["day"]) == expected[-1:]
    assert warehouse.query(REJECTED).empty


# At any time of the day UTC's date differs from that of at least one of these zones.
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_today_is_the_day_in_the_shop(warehouse: Warehouse, zone: str) -> None:
    today = dt.datetime.now(ZoneInfo(zone)).date()
    tomorrow = today + dt.timedelta(days=1)
    warehouse.write_raw(orders=orders_at(f"{today} 00:00", f"{tomorrow} 23:59"))
    warehouse.build(*BUILT, time_zone=zone)
    assert days(warehouse) == [str(today)]
    assert list(warehouse.query(REJECTED)["reason"]) == ["date_in_future"]


def test_a_clock_that_was_set_back_stops_the_build(warehouse: Warehouse) -> None:
    warehouse.write_raw(orders=orders_at("2024-01-05", "2099-01-05", "2099-01-06"))
    stopped = warehouse.dbt("build", "--select", "+checked_orders", *UNTESTED)
    assert stopped.returncode == 1
    said = "2 of 3 orders lie after today, which is"
    assert said in stopped.stdout
    assert "Set the clock if it is wrong" in " ".join(stopped.stdout.split())
