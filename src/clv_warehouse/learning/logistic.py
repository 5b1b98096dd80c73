"""Logistic regression: the chance of something, from numbers that speak for it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits

from clv_warehouse.project.arrays import Bools, Floats, Singles

# How strongly weights of standardised numbers are drawn to 0.
RIDGE = 1.0


@dataclass(frozen=True)
class Logistic:
    """Log-odds as a weighted sum: `weights` of shape (k,), and `intercept`."""

    weights: Floats
    intercept: float

    @classmethod
    def fit(
        cls, numbers: Singles | Floats, happened: Bools, ridge: float = RIDGE
    ) -> Self:
        """Fit to `numbers` of shape (n, k) and `happened`, shape (n,).

        A number that is the same everywhere weighs nothing.
        """
        # Imported late: what scores does not learn.
        from sklearn.linear_model import LogisticRegression

        mean = numbers.mean(0, dtype=np.float64)
        spread = numbers.std(0, dtype=np.float64)
        spread = np.where(spread > 1e-9, spread, np.inf)
        columns = ((numbers - mean) / spread).astype(np.float32)
        regression = LogisticRegression(C=1 / ridge, solver="newton-cholesky")
        # Sums of several threads differ in the last digit.
        with threadpool_limits(1):
            regression.fit(columns, happened)
        raw = regression.coef_[0] / spread
        return cls(raw, float(regression.intercept_[0] - raw @ mean))

    @classmethod
    def never(cls, numbers: Singles) -> Self:
        """Say of all alike what half a case among so many would say.

        What never happened of `numbers`, shape (n, k), cannot be fitted.
        """
        rows, columns = numbers.shape
        return cls(np.zeros(columns), float(-np.log(2 * rows + 1)))


def probability(log_odds: Singles) -> Singles:
    """Turn log-odds into chances."""
    return 1 / (1 + np.exp(np.clip(np.negative(log_odds), -30, 30)))
