"""The forecast of new customers, against shops whose truth is known."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from clv_warehouse.clv.first_orders import (
    ATTRIBUTES,
    FirstOrderModel,
    FirstOrders,
    Later,
    score_first_orders,
)
from clv_warehouse.clv.history import History
from clv_warehouse.clv.prior import Prior

COUPON = 3
LAST = np.datetime64("2024-12-31")


def first_orders(coupons: NDArray, seed: int = 1) -> FirstOrders:
    """First orders of 40 each on random days of two years."""
    count = len(coupons)
    days = np.random.default_rng(seed).integers(1, 730, count)
    attributes = np.full((count, 6), "", dtype=object)
    attributes[:, COUPON] = coupons
    return FirstOrders(LAST - days, np.full(count, 40.0), attributes)


def spend_of_all(orders: FirstOrders, a_day: NDArray) -> Later:
    """Each customer spends as much every tenth day."""
    rows = [
        (row, day)
        for row in range(len(orders))
        for day in range(10, int((LAST - orders.day[row]).astype(int)) + 1, 10)
    ]
    row, day = np.array(rows).T
    return Later(row, day, 10 * a_day[row])


@pytest.fixture(scope="module")
def prior() -> Prior:
    """A prior of customers who buy a few times a year."""
    random = np.random.default_rng(1)
    age = random.integers(1, 730, 2000).astype(float)
    frequency = random.poisson(age / 200).astype(float)
    recency = np.where(frequency > 0, age * random.uniform(0.5, 1, 2000), 0)
    return Prior.fit(History(frequency, recency, age, np.full(2000, 40.0)))


def test_a_coupon_that_halves_what_comes_later_is_learned(prior: Prior) -> None:
    """Who came by one coupon spends half; a coupon never seen changes nothing."""
    orders = first_orders(np.where(np.arange(4000) % 2, "SALE", "NONE"))
    a_day = np.where(orders.attributes[:, COUPON] == "SALE", 0.5, 1.0)
    model = FirstOrderModel.fit(prior, orders, spend_of_all(orders, a_day), LAST, 100)
    new = first_orders(np.array(["SALE", "NONE", "NEW"]))
    same_day = FirstOrders(np.repeat(LAST, 3), new.amount, new.attributes)
    sale, none, unseen = model.spend(same_day)
    assert 0.5 <= sale / none < 0.7
    assert sale < unseen < none
    # The mean of both is right: what came is a tenth more or less than was said.
    assert sale == pytest.approx(50, rel=0.3)
    assert none == pytest.approx(100, rel=0.2)


def test_what_lies_after_the_date_teaches_nothing(prior: Prior) -> None:
    """Spend after the date, and first orders after it, change no forecast."""
    orders = first_orders(np.where(np.arange(1000) % 2, "SALE", "NONE"))
    later = spend_of_all(orders, np.ones(1000))
    date = LAST - 200
    day_of_spend = orders.day[later.row] + later.days_after
    changed = Later(
        later.row, later.days_after, np.where(day_of_spend > date, 1e6, later.spend)
    )
    fitted = [
        FirstOrderModel.fit(prior, orders, each, date, 100) for each in (later, changed)
    ]
    one, other = (model.spend(orders) for model in fitted)
    np.testing.assert_array_equal(one, other)


def test_few_first_orders_leave_the_prior_alone(prior: Prior) -> None:
    """With 50 first orders, or with none that led to anything, the prior forecasts."""
    orders = first_orders(np.repeat("SALE", 50))
    model = FirstOrderModel.fit(
        prior, orders, spend_of_all(orders, np.ones(50)), LAST, 30
    )
    assert model.regression is None
    np.testing.assert_array_equal(
        model.spend(orders), orders.expected_by(prior, np.full(50, 30.0))
    )
    many = first_orders(np.repeat("SALE", 500))
    nothing = Later(np.zeros(0, int), np.zeros(0, int), np.zeros(0))
    assert FirstOrderModel.fit(prior, many, nothing, LAST, 30).regression is None


def test_later_days_find_their_first_order() -> None:
    """The day of the first order itself is no later spend; a return takes off."""

    def day(*days: str) -> pa.Array:
        return pa.array(np.array(days, dtype="datetime64[D]"))

    orders = pa.table(
        {
            "customer_key": ["b", "a"],
            "first_order_date": day("2024-01-02", "2024-01-01"),
        }
    )
    days = pa.table(
        {
            "customer_key": ["a", "a", "a", "b", "b"],
            "activity_date": day(
                "2024-01-01", "2024-01-05", "2024-01-06", "2024-01-02", "2024-01-09"
            ),
            "net_amount": [5.0, 20.0, -8.0, 7.0, -3.0],
        }
    )
    later = Later.from_arrow(orders, days)
    np.testing.assert_array_equal(later.within(np.array([7.0, 4.0])), [0, 20])
    np.testing.assert_array_equal(later.within(np.array([7.0, 5.0])), [0, 12])


def test_no_first_orders_have_no_forecasts(prior: Prior) -> None:
    """A batch may have none whose horizon is not over."""
    names = [*ATTRIBUTES, "first_order_date", "first_amount"]
    types = [pa.string()] * len(ATTRIBUTES) + [pa.date32(), pa.decimal128(38, 4)]
    none = FirstOrders.from_arrow(
        pa.schema(zip(names, types, strict=True)).empty_table()
    )
    assert none.attributes.shape == (0, len(ATTRIBUTES))
    spent = FirstOrderModel(prior, 30, None).spend(none)
    assert spent.shape == (0,)


def test_a_first_order_is_forecast_by_what_was_known_before_it(
    sample: duckdb.DuckDBPyConnection,
) -> None:
    """What is planted after a date changes what is said of later first orders alone."""
    dates = [
        day
        for (day,) in sample.execute(
            "select as_of_date from features.as_of_dates qualify row_number() over "
            "(order by as_of_date desc) in (1, 2, 5, 12) order by as_of_date"
        ).fetchall()
    ]
    _, planted, _, last = dates
    of_dates = f"as_of_date in {tuple(map(str, dates))}"
    features = sample.table("features.customer_features").filter(of_dates)
    days = sample.table("features.customer_days")
    changed = days.project(
        f"* replace (cast(net_amount * case when activity_date > date '{planted}' "
        "then 9 else 1 end as decimal(38, 4)) as net_amount)"
    )
    # The customers of later dates are others.
    fewer = features.filter(f"as_of_date <= date '{planted}' or customer_key < '8'")
    once, again = (
        score_first_orders(
            of_customers,
            sample.table("clv.first_orders"),
            with_days,
            sample.table("features.shop_days"),
            [30, 365],
        ).read_all()
        for of_customers, with_days in ((features, days), (fewer, changed))
    )
    known, first = (
        once[name].to_numpy() for name in ("known_until", "first_order_date")
    )
    assert set(known) == set(np.array(dates[:-1], "datetime64[D]"))
    assert (known < first).all()
    before = known <= np.datetime64(planted)
    same = once["expected_spend"].to_numpy() == again["expected_spend"].to_numpy()
    np.testing.assert_array_equal(same, before)
    month = once["horizon_days"].to_numpy() == 30
    assert (first[month] > np.datetime64(last) - 30).all()
