"""Tests logistic regression against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from clv_warehouse.recommendations.logistic import Logistic, probability


def test_weights_are_those_of_another_implementation() -> None:
    draw = np.random.default_rng(5)
    numbers = draw.normal(size=(4000, 3)).astype(np.float32) * [1, 10, 0.1] + 5
    numbers = np.column_stack([numbers, np.full(4000, 7)]).astype(np.float32)
    odds = 0.8 * (numbers[:, 0] - 5) - 0.1 * (numbers[:, 1] - 5) - 1
    happened = draw.random(4000) < probability(odds)
    found = Logistic.fit(numbers, happened)
    spread = numbers[:, :3].std(0)
    other = LogisticRegression(C=1.0, tol=1e-8).fit(
        (numbers[:, :3] - numbers[:, :3].mean(0)) / spread, happened
    )
    assert found.weights[:3] * spread == pytest.approx(other.coef_[0], abs=1e-3)
    assert found.weights[3] == 0
    chances = probability(numbers @ found.weights + found.intercept)
    assert chances.mean() == pytest.approx(happened.mean(), abs=1e-4)
