"""Tests the prior's quantiles on customers whose spread is known."""

import numpy as np
import pytest

from clv_warehouse.clv.history import History
from clv_warehouse.clv.spread import LEAST_SCALE, Spread


def history(purchases, monetary):
    repeats = np.asarray(purchases, dtype=float) - 1
    return History(repeats, 30 * repeats, 30 * repeats + 10, np.asarray(monetary))


def test_the_variance_of_levels_and_that_of_purchases_are_told_apart():
    rng = np.random.default_rng(0)
    purchases = rng.integers(1, 12, 20_000)
    levels = rng.normal(3, 0.5, purchases.size)
    # A customer's mean amount, on the scale of logarithms.
    means = levels + rng.normal(0, 0.8 / np.sqrt(purchases))
    found = Spread.fit(history(purchases, np.exp(means)))
    assert found.of_levels == pytest.approx(0.25, abs=0.02)
    assert found.of_purchases == pytest.approx(0.64, abs=0.04)


@pytest.mark.parametrize(
    ("purchases", "monetary"), [([], []), ([3], [20.0]), ([1, 2, 5], [0.0, 0.0, 0.0])]
)
def test_without_amounts_the_spread_is_small_but_there(purchases, monetary):
    found = Spread.fit(history(purchases, monetary))
    scale = found.scale(history([2], [1.0]), np.array([1.0]), np.array([1.0]))
    assert scale >= LEAST_SCALE


def test_quantiles_hold_for_spend_of_the_assumed_kind():
    """Geometric counts of lognormal amounts; the lognormal of the sum is close."""
    rng = np.random.default_rng(1)
    count, chance, mean_count = 40_000, 0.6, 2.5
    spread = Spread(of_purchases=0.3, of_levels=0.0)
    bought = rng.geometric(1 / mean_count, count) * (rng.random(count) < chance)
    amounts = rng.lognormal(-0.15, np.sqrt(0.3), (count, bought.max()))
    spend = (amounts * (np.arange(bought.max()) < bought[:, None])).sum(axis=1)
    alike = np.ones(count)
    quantiles = spread.quantiles(
        history(alike, alike),
        alike * chance * mean_count,
        alike * chance * mean_count,
        alike * chance,
    )
    shares = (spend[:, None] <= quantiles).mean(axis=0)
    assert shares == pytest.approx([0.4, 0.5, 0.9], abs=0.04)


def test_more_purchases_say_more_about_a_level():
    spread = Spread(of_purchases=0.3, of_levels=0.3)
    known = history([1, 2, 20], [10.0, 10.0, 10.0])
    scales = spread.scale(known, np.ones(3), np.ones(3))
    assert (np.diff(scales) < 0).all()
    # Of an endless history the next purchase alone is uncertain.
    assert scales[2] == pytest.approx(np.sqrt(0.3), rel=0.05)
