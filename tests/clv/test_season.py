"""Tests the clock of a shop's season, and that months are learnt as they were made."""

import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.clv.clock import MONTHS, Clock
from clv_warehouse.clv.history import History
from clv_warehouse.clv.pareto import ParetoNbd
from clv_warehouse.clv.season import ShopDays, month_effects, purchase_effects

DATE = np.datetime64("2024-12-31")


def of_december(factor: float) -> Clock:
    by_month = np.ones(MONTHS)
    by_month[11] = factor
    return Clock(by_month)


def test_a_day_of_a_busy_month_counts_as_more() -> None:
    clock = of_december(3.0)
    as_of = np.array(["2024-11-30", "2024-12-21"], dtype="datetime64[D]")
    assert clock.ahead(as_of, np.array([31, 20])).tolist() == [93, 40]
    history = History(
        np.array([1.0]), np.array([30.0]), np.array([40.0]), np.ones(1), as_of=DATE
    )
    # First bought on 21 November, last on 21 December.
    on_clock = clock.history(history)
    assert on_clock.age.tolist() == [9 + 31 * 3]
    assert on_clock.recency.tolist() == [9 + 21 * 3]


def test_an_even_clock_is_the_calendar() -> None:
    history = History(np.ones(1), np.array([30.5]), np.array([40.0]), np.ones(1))
    for clock in (Clock.even(), of_december(1.0)):
        assert clock.history(history) is history
        assert clock.ahead(np.array([DATE]), 7).tolist() == [7]


def test_a_broken_day_counts_its_part() -> None:
    clock, day = of_december(3.0), DATE.astype(int)
    assert clock(np.array([day - 0.5])) == pytest.approx(clock(np.array([day])) - 1.5)
    assert clock.rate(np.array([day - 0.5, day])).tolist() == [3, 1]


def shop_days(effects: np.ndarray, years: int, seed: int) -> ShopDays:
    """Days of a shop whose customers buy at an even rate of the clock of `effects`."""
    random, clock = np.random.default_rng(seed), Clock.of_effects(effects)
    first = np.datetime64("2021-01-01")
    end = first + 365 * years
    new, repeats = np.full(365 * years, 4.0), np.zeros(365 * years)
    # From the end of the day before the first one.
    readings = clock(np.arange(-1, 365 * years) + first.astype(int))
    for opened in readings[1:]:
        for rate in random.gamma(0.8, 1 / 60.0, 4):
            count = random.poisson(rate * (readings[-1] - opened))
            times = random.uniform(opened, readings[-1], count)
            np.add.at(repeats, np.searchsorted(readings, times) - 1, 1)
    day = np.arange(first, end)
    rows = pa.table(
        {
            "activity_date": day,
            "new_customers": new.astype(int),
            "purchases": (new + repeats).astype(int),
            "purchase_amount": new + repeats,
            "net_amount": new + repeats,
        }
    )
    return ShopDays.from_arrow(rows)


def test_the_season_is_learnt_from_repeat_purchases() -> None:
    """Nobody leaves here, so the model is told that."""
    effects = np.array([-0.3, -0.2, 0, 0.1, 0, -0.1, -0.2, -0.1, 0, 0.1, 0.3, 0.6])
    days = shop_days(effects, years=3, seed=3)
    model = ParetoNbd(0.8, 60.0, 1e-3, 1e4)
    found = Clock.of_effects(purchase_effects(days, model, Clock.even()))
    np.testing.assert_allclose(
        found.by_month, Clock.of_effects(effects).by_month, rtol=0.12
    )


def test_no_season_is_learnt_where_there_is_none() -> None:
    days = shop_days(np.zeros(MONTHS), years=2, seed=4)
    found = purchase_effects(days, ParetoNbd(0.8, 60.0, 1e-3, 1e4), Clock.even())
    assert np.abs(found).max() < 0.08


def test_few_months_say_little() -> None:
    """A December of twice what was expected, seen once among few purchases."""
    months = np.arange(12)
    expected = np.full(12, 6.0)
    observed = np.where(months == 11, 12.0, 6.0)
    few = month_effects(months, observed, expected, observed)
    many = month_effects(months, 100 * observed, 100 * expected, 100 * observed)
    assert 0 <= few[11] < many[11] / 2 < np.log(2) / 2


def test_days_without_a_row_had_no_purchase() -> None:
    rows = pa.table(
        {
            "activity_date": np.array(["2024-01-05", "2024-01-01"], "datetime64[D]"),
            "new_customers": [0, 2],
            "purchases": [1, 2],
            "purchase_amount": [5.0, 20.0],
            "net_amount": [5.0, 18.0],
        }
    )
    days = ShopDays.from_arrow(rows)
    assert days.repeats.tolist() == [0, 0, 0, 0, 1]
    assert days.until(np.datetime64("2024-01-03")).net.tolist() == [18, 0, 0]
    assert not len(ShopDays.from_arrow(rows.slice(0, 0)).day)
