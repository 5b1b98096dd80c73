"""Tests that a rhythm is found where there is one, and believed where it comes true."""

import numpy as np
import pytest

from clv_warehouse.clv.clock import Clock
from clv_warehouse.clv.history import History
from clv_warehouse.clv.prior import Prior, Prospects
from clv_warehouse.clv.rhythm import Window, holds, stages_shown

CUSTOMERS, DAYS, WINDOW = 2_000, 600, 91


def shop(shape: float) -> Window:
    """Simulate customers of gamma gaps, half of whom leave some day."""
    random = np.random.default_rng(3)
    gap = random.gamma(3, 15, CUSTOMERS)
    stays = random.random(CUSTOMERS) < 0.5
    leaves = np.where(stays, np.inf, DAYS * random.random(CUSTOMERS))
    begin = 300 * random.random(CUSTOMERS)
    gaps = random.gamma(shape, 1 / shape, (CUSTOMERS, 400)) * gap[:, None]
    days = np.floor(begin[:, None] + np.cumsum(gaps, axis=1) - gaps[:, :1])
    days = np.where(days < leaves[:, None], days, np.inf)
    known = days <= DAYS
    days = np.minimum(days, 1e6)
    first, last = days[:, 0], np.where(known, days, -1).max(axis=1)
    own = np.where(known[:, 1:], np.diff(days, axis=1), np.nan)
    with np.errstate(invalid="ignore"):
        spread = np.where(known.sum(axis=1) > 2, _deviation(own), np.nan)
    chosen = known[:, 0]
    history = History(
        known.sum(axis=1)[chosen] - 1.0,
        (last - first)[chosen],
        (DAYS - first)[chosen],
        np.full(chosen.sum(), 10.0),
        gap_spread=spread[chosen],
    )
    bought = ((days > DAYS) & (days <= DAYS + WINDOW)).any(axis=1)[chosen]
    return Window(history, WINDOW, bought)


def _deviation(values: np.ndarray) -> np.ndarray:
    count = np.maximum(np.isfinite(values).sum(axis=1), 2)
    mean = np.nansum(values, axis=1) / count
    squares = np.nansum((values - mean[:, None]) ** 2, axis=1)
    return np.sqrt(squares / (count - 1))


@pytest.mark.parametrize(("shape", "stages"), [(1, 1), (2.2, 2), (3.3, 3), (50, 8)])
def test_customers_gaps_show_how_even_they_are(shape: float, stages: int) -> None:
    assert stages_shown(shop(shape).history) == stages


def test_nothing_is_shown_by_customers_whose_gaps_are_unknown() -> None:
    history = shop(3.3).history
    assert stages_shown(History(*np.zeros((4, 0)))) == 1
    assert stages_shown(History(*history_columns(history))) == 1


def history_columns(history: History) -> list[np.ndarray]:
    """Frequency, recency, age and amount: all that a history must have."""
    return [history.frequency, history.recency, history.age, history.monetary]


def test_a_rhythm_counts_if_it_foretold_who_would_buy() -> None:
    regular, clock = shop(3.3), Clock.even()
    assert holds(3, regular, clock)
    assert not holds(3, shop(1), clock)
    assert Prior.fit(regular.history, past=lambda: regular).purchases.gap_stages == 3
    assert Prior.fit(regular.history).purchases.gap_stages == 1


def test_only_a_rhythm_has_a_day_of_the_next_purchase() -> None:
    """Just bought, a customer of a gap of 45 days buys again in about as many."""
    regular = shop(3.3)
    someone = History(*np.array([[9.0, 9], [405, 360], [405, 405], [10, 10]]))
    prior = Prior.fit(regular.history, past=lambda: regular)
    just_bought, due = Prospects(prior, someone).days_to_next
    assert 35 < just_bought < 48
    assert due < 25
    assert Prospects(Prior.fit(regular.history), someone).days_to_next is None
