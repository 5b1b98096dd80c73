"""Logistic regression: the chance of something, from numbers that speak for it."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Singles

# How strongly weights of standardised numbers are drawn to 0.
RIDGE = 1.0
STEPS = 25
CLOSE_ENOUGH = 1e-6


@dataclass(frozen=True)
class Logistic:
    """Log-odds as a weighted sum: `weights` of shape (k,), and `intercept`."""

    weights: Floats
    intercept: float

    @classmethod
    def fit(cls, numbers: Singles, happened: Bools) -> Self:
        """Fit by Newton's method; `numbers` has shape (n, k), `happened` (n,).

        A number that is the same everywhere weighs nothing.
        """
        mean = numbers.mean(0, dtype=np.float64)
        spread = numbers.std(0, dtype=np.float64)
        spread = np.where(spread > 1e-9, spread, np.inf)
        columns = ((numbers - mean) / spread).astype(np.float32)
        rows = np.column_stack([columns, np.ones(len(columns), np.float32)])
        penalty = np.full(rows.shape[1], RIDGE)
        penalty[-1] = 1e-6
        weights = np.zeros(rows.shape[1])
        share = np.clip(happened.mean(), 1e-6, 1 - 1e-6)
        weights[-1] = np.log(share / (1 - share))
        for _ in range(STEPS):
            chance = probability(rows @ weights.astype(np.float32))
            slope = rows.T @ (happened - chance) - penalty * weights
            curvature = (rows.T * (chance * (1 - chance))) @ rows
            step = np.linalg.solve(
                curvature.astype(np.float64) + np.diag(penalty), slope
            )
            weights += step
            if np.abs(step).max() < CLOSE_ENOUGH:
                break
        raw = weights[:-1] / spread
        return cls(raw, float(weights[-1] - raw @ mean))


def probability(log_odds: Singles) -> Singles:
    """Turn log-odds into chances."""
    return 1 / (1 + np.exp(np.clip(np.negative(log_odds), -30, 30)))
