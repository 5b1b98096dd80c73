"""Tests the chances that a logistic regression says."""

import numpy as np
import pytest

from clv_warehouse.learning.logistic import Logistic, probability


def test_weights_are_those_that_made_the_data() -> None:
    draw = np.random.default_rng(5)
    numbers = draw.normal(size=(40_000, 3)) * [1, 10, 0.1] + 5
    odds = 0.8 * (numbers[:, 0] - 5) - 0.1 * (numbers[:, 1] - 5) - 1
    happened = draw.random(40_000) < probability(odds)
    # A number that is the same everywhere weighs nothing.
    numbers = np.column_stack([numbers, np.full(40_000, 7)]).astype(np.float32)
    found = Logistic.fit(numbers, happened)
    assert found.weights[:2] == pytest.approx([0.8, -0.1], abs=0.03)
    assert found.weights[2] == pytest.approx(0, abs=0.5)
    assert found.weights[3] == 0
    chances = probability(numbers @ found.weights + found.intercept)
    assert chances.mean() == pytest.approx(happened.mean(), abs=1e-4)


def test_rare_events_and_numbers_that_repeat_each_other_have_chances_too() -> None:
    """Newton's method without a search along its steps ends at chances of one here."""
    draw = np.random.default_rng(5)
    one = draw.exponential(size=50_000) ** 3
    numbers = np.column_stack([one, one, np.log1p(one), np.log1p(one) ** 2, one > 1])
    happened = draw.random(50_000) < probability(2 * np.log1p(one) - 9)
    found = Logistic.fit(numbers.astype(np.float32), happened)
    chances = probability(numbers @ found.weights + found.intercept)
    assert chances.mean() == pytest.approx(happened.mean(), rel=1e-2)
    likely = one > np.quantile(one, 0.98)
    assert chances[likely].mean() == pytest.approx(happened[likely].mean(), rel=0.1)
