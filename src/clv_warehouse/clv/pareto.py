"""Pareto/NBD: buying at an even rate, until leaving at a moment of its own.

Sources: Schmittlein, Morrison & Colombo (1987), "Counting Your Customers"; Fader &
Hardie (2005), "A Note on Deriving the Pareto/NBD Model and Related Expressions". Their
formulas have hypergeometric functions, which lose all digits for customers of many
purchases. The integral over the day of leaving, from which they come, has positive
terms only, and quadrature computes it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from clv_warehouse.clv.history import History, distinct
from clv_warehouse.clv.likelihood import climb, total
from clv_warehouse.clv.purchases import PurchaseModel
from clv_warehouse.project.arrays import Floats

# Nodes between two days. They crowd towards the first one, because frequent buyers who
# left did so soon after their last purchase.
NODES = 12
CROWDING = 3


@dataclass(frozen=True)
class ParetoNbd(PurchaseModel):
    """Buying at a gamma-distributed rate, until a gamma-distributed rate to leave.

    `r` and `alpha` (days) are shape and rate of the purchase rate's gamma, `s` and
    `beta` (days) those of the leaving rate's.
    """

    r: float
    alpha: float
    s: float
    beta: float

    @classmethod
    def fit(cls, history: History) -> "ParetoNbd":
        """Maximum likelihood; where the data determine none, the penalised one."""
        (repeats, recency, age), row = distinct(
            history.frequency, history.recency, history.age
        )
        weights = np.bincount(row, history.weights, len(repeats)).astype(float)
        way = days_between(recency, age)

        def gain(log_parameters: Floats) -> tuple[float, Floats]:
            parameters = np.exp(log_parameters)
            rows, slopes = cls(*parameters)._of_rows(repeats, age, *way)
            slope = np.array([total(weights, each) for each in slopes])
            return total(weights, rows), slope * parameters

        starts = np.log([[0.5, 60.0, 0.5, 100.0], [1.0, 180.0, 1.0, 400.0]])
        return cls(*map(float, np.exp(climb(gain, starts, weights.sum()))))

    def log_likelihood(self, history: History) -> float:
        """Logarithm of the probability of all histories; equation 18."""
        way = days_between(history.recency, history.age)
        rows, _ = self._of_rows(history.frequency, history.age, *way)
        return total(history.weights, rows)

    def odds_gone(
        self, repeats: Floats, recency: Floats, age: Floats
    ) -> tuple[Floats, Floats]:
        """Odds of having left for good, (n,), and the slopes of their log, (n, 3)."""
        days, widths = days_between(recency, age)
        shape = (self.r + repeats)[:, None]
        rate_ratio = np.log((self.alpha + age)[:, None] / (self.alpha + days))
        life_ratio = np.log((self.beta + age)[:, None] / (self.beta + days))
        density = np.exp(shape * rate_ratio + self.s * life_ratio)
        density *= self.s / (self.beta + days)
        parts = widths * density
        odds = parts.sum(axis=1)
        at_last = np.exp(
            shape[:, 0] * np.log((self.alpha + age) / (self.alpha + recency))
            + self.s * np.log((self.beta + age) / (self.beta + recency))
        ) * (self.s / (self.beta + recency))
        left = np.maximum(odds, np.finfo(np.float64).tiny)
        slopes = [
            (parts * rate_ratio).sum(axis=1) / left,
            -at_last / left,
            self.s / (self.beta + age) / left
            + shape[:, 0] / (self.alpha + age)
            + self.s / (self.beta + age),
        ]
        return odds, np.stack(slopes, axis=1)

    def purchases_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Purchases expected within a horizon of who has not left, shape (n,)."""
        return (self.r + repeats) / (self.alpha + age) * self._days_alive(age, horizon)

    def log_none_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Log of the chance that who has not left buys nothing in a horizon, (n,).

        Such a customer would not have bought anyway, or leaves before that purchase.

        The quantiles of the day of the next purchase, were nobody to leave, are the
        nodes; the customer must still be there on that day.
        """
        places, masses = np.polynomial.legendre.leggauss(NODES)
        shape, rate = self.r + repeats, self.alpha + age
        none = np.exp(-shape * np.log1p(horizon / rate))
        bought = 1 - none
        left = -np.log1p(-bought[:, None] * (places + 1) / 2)
        days = rate[:, None] * np.expm1(left / shape[:, None])
        gone = -np.expm1(-self.s * np.log1p(days / (self.beta + age[:, None])))
        return np.log(none + bought * (gone @ masses) / 2)

    def repeats_by(self, age: Floats) -> Floats:
        """Repeat purchases expected of a new customer by an age; equation 19."""
        return self.r / self.alpha * self._days_alive(np.zeros_like(age), age)

    def _days_alive(self, age: Floats, horizon: Floats) -> Floats:
        """Days of the horizon on which who has not left is expected to be there."""
        start = self.beta + age
        log_ratio = np.log1p(horizon / start)
        if abs(self.s - 1) < 1e-9:
            return start * log_ratio
        return -start * np.expm1((1 - self.s) * log_ratio) / (self.s - 1)

    def _of_rows(
        self, repeats: Floats, age: Floats, days: Floats, widths: Floats
    ) -> tuple[Floats, list[Floats]]:
        """Log-likelihood of each row, (n,), and its slopes in the four parameters."""
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        # The last column is that of a customer who has not left.
        until = np.column_stack([days, age])
        log_rate, log_life = np.log(alpha + until), np.log1p(until / beta)
        exponent = -(r + repeats)[:, None] * log_rate - s * log_life
        exponent[:, :-1] += np.log(s / (beta + days))
        most = exponent.max(axis=1)
        parts = np.exp(exponent - most[:, None])
        parts[:, :-1] *= widths
        sums = parts.sum(axis=1)
        parts /= sums[:, None]
        gone = 1 - parts[:, -1]
        rate = (parts / (alpha + until)).sum(axis=1)
        life = (parts * until / (beta + until)).sum(axis=1)
        rows = (
            gammaln(r + repeats) - gammaln(r) + r * np.log(alpha) + most + np.log(sums)
        )
        return rows, [
            digamma(r + repeats)
            - digamma(r)
            + np.log(alpha)
            - (parts * log_rate).sum(axis=1),
            r / alpha - (r + repeats) * rate,
            gone / s - (parts * log_life).sum(axis=1),
            s * life / beta - (parts[:, :-1] / (beta + days)).sum(axis=1),
        ]


def days_between(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Return days from a start to an end, and their widths, (n, NODES) each.

    Sums over them are Gauss-Legendre quadrature of functions that fall from the start.
    """
    places, masses = np.polynomial.legendre.leggauss(NODES)
    places, masses = (places + 1) / 2, masses / 2
    span = (end - start)[:, None]
    days = start[:, None] + span * places**CROWDING
    return days, span * masses * CROWDING * places ** (CROWDING - 1)
