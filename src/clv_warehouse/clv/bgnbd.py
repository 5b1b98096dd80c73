"""BG/NBD: buying at an even rate, until leaving after a purchase.

Source: Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way".
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, expit, gammaln

from clv_warehouse.clv.history import History, distinct
from clv_warehouse.clv.likelihood import climb, total
from clv_warehouse.clv.purchases import PurchaseModel
from clv_warehouse.project.arrays import Floats

# Nodes of the quadrature: relative error below 1e-7 for horizons up to a year,
# whatever the parameters, and near machine precision for common ones.
NODES = 48


@dataclass(frozen=True)
class BgNbd(PurchaseModel):
    """Buying at a gamma-distributed rate, until a beta-distributed chance to stop.

    `r` and `alpha` (days) are shape and rate of the purchase rate's gamma; `a` and
    `b` the parameters of the beta of stopping after a purchase. Nobody stops
    before the first repeat purchase.
    """

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(cls, history: History) -> "BgNbd":
        """Maximum likelihood; where the data determine none, the penalised one."""
        (repeats, recency, age), row = distinct(
            history.frequency, history.recency, history.age
        )
        weights = np.bincount(row, history.weights, len(repeats)).astype(float)
        counts, row_count = np.unique(repeats, return_inverse=True)

        def gain(log_parameters: Floats) -> tuple[float, Floats]:
            r, alpha, a, b = np.exp(log_parameters)
            model = cls(r, alpha, a, b)
            rows = model._row_log_likelihood(counts, row_count, recency, age)
            slope = model._gradient(counts, row_count, recency, age, weights)
            return total(weights, rows), slope * np.exp(log_parameters)

        starts = np.log(
            [[0.5, 180.0, 1.0, 2.0], [0.25, 30.0, 1.0, 3.0], [2.0, 365.0, 0.2, 2.0]]
        )
        r, alpha, a, b = np.exp(climb(gain, starts, weights.sum()))
        return cls(float(r), float(alpha), float(a), float(b))

    def log_likelihood(self, history: History) -> float:
        """Logarithm of the probability of all histories; Fader et al., equation 6."""
        counts, row_count = np.unique(history.frequency, return_inverse=True)
        rows = self._row_log_likelihood(counts, row_count, history.recency, history.age)
        return total(history.weights, rows)

    def odds_gone(
        self, repeats: Floats, recency: Floats, age: Floats
    ) -> tuple[Floats, Floats]:
        """Odds of having left for good, (n,), and the slopes of their log, (n, 3).

        Between no repeat purchase and the first they rise evenly from zero.
        """
        before = self.b + np.maximum(repeats, 1) - 1
        shape = self.r + repeats
        log_ratio = np.log((self.alpha + age) / (self.alpha + recency))
        odds = np.minimum(repeats, 1) * self.a / before * np.exp(shape * log_ratio)
        with np.errstate(divide="ignore"):
            by_stops = np.where(repeats < 1, 1 / repeats, -1 / before)
        slopes = [
            log_ratio + by_stops,
            -shape / (self.alpha + recency),
            shape / (self.alpha + age),
        ]
        return odds, np.stack(slopes, axis=1)

    def purchases_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Purchases expected within a horizon of who has not left, shape (n, 1).

        Fader, Hardie & Lee (2005), equation 10. Their form divides zero by zero at
        a = 1 and cancels near it. For s = horizon / (alpha + T), the same quantity is
        the mean of (1 - (1 + p s)^-(r + x)) / p over p ~ Beta(a, b + x). All terms of
        it are positive, and Gauss-Jacobi quadrature integrates it.
        """
        stretch = horizon / (self.alpha + age)
        values, row = np.unique(repeats, return_inverse=True)
        rules = [beta_quadrature(self.a, self.b + value) for value in values]
        nodes, masses = (np.array(parts) for parts in zip(*rules, strict=True))
        shape = self.r + repeats
        purchases = np.zeros(len(repeats))
        for node, mass in zip(nodes.T, masses.T, strict=True):
            chance = node[row]
            none = np.expm1(-shape * np.log1p(chance * stretch))
            purchases -= mass[row] * none / chance
        return purchases[:, None]

    def log_none_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Log of the chance that who has not left buys nothing in a horizon, (n, 1).

        Such a customer buys at a rate whose posterior is gamma (r + x, alpha + T) and
        stops only after a purchase. So the next purchase comes as in the NBD.
        """
        log_none = -(self.r + repeats) * np.log1p(horizon / (self.alpha + age))
        return log_none[:, None]

    def repeats_by(self, age: Floats) -> Floats:
        """Repeat purchases expected of a new customer by an age; equation 9."""
        zeros = np.zeros_like(age)
        return self.purchases_if_alive(zeros, zeros, age)[:, 0]

    def _row_log_likelihood(
        self, counts: Floats, row_count: NDArray, recency: Floats, age: Floats
    ) -> Floats:
        """Per row; `counts[row_count]` is its number of repeat purchases."""
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        of_count = (
            gammaln(r + counts)
            - gammaln(r)
            + r * np.log(alpha)
            + gammaln(a + b)
            + gammaln(b + counts)
            - gammaln(b)
            - gammaln(a + b + counts)
        )
        x = counts[row_count]
        still = -(r + x) * np.log(alpha + age)
        with np.errstate(divide="ignore"):
            log_stop = np.log(np.where(counts > 0, a / (b + counts - 1), 0.0))
        stopped = log_stop[row_count] - (r + x) * np.log(alpha + recency)
        return of_count[row_count] + np.logaddexp(still, stopped)

    def _gradient(
        self,
        counts: Floats,
        row_count: NDArray,
        recency: Floats,
        age: Floats,
        weights: Floats,
    ) -> Floats:
        """Slope of the weighted log-likelihood in r, alpha, a and b, shape (4,)."""
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        x = counts[row_count]
        repeated = x > 0
        log_age, log_recency = np.log(alpha + age), np.log(alpha + recency)
        before = b + np.where(repeated, x, 1) - 1
        odds = np.log(a / before) + (r + x) * (log_age - log_recency)
        stopped = np.where(repeated, expit(odds), 0.0)
        still = 1 - stopped
        rate = still / (alpha + age) + stopped / (alpha + recency)
        by_count = np.bincount(row_count, weights, len(counts))
        joint = digamma(a + b) - digamma(a + b + counts)
        return np.array(
            [
                total(by_count, digamma(r + counts) - digamma(r) + np.log(alpha))
                - total(weights, still * log_age + stopped * log_recency),
                total(weights, r / alpha - (r + x) * rate),
                total(by_count, joint) + total(weights, stopped) / a,
                total(by_count, joint + digamma(b + counts) - digamma(b))
                - total(weights, stopped / before),
            ]
        )


@lru_cache(maxsize=1 << 14)
def beta_quadrature(a: float, b: float) -> tuple[Floats, Floats]:
    """Return nodes in (0, 1) and masses, shape (NODES,), for means over Beta(a, b).

    Golub & Welsch (1969): the nodes are the eigenvalues of the Jacobi matrix. Its
    entries come from the coefficients of Gauss's continued fraction of the beta's
    moments, which are all positive, so nothing cancels. Every batch asks for the same
    few rules, so they are cached.
    """
    k = np.arange(1, NODES)
    even = k * (b + k - 1) / ((a + b + 2 * k - 2) * (a + b + 2 * k - 1))
    odd = (a + k) * (a + b + k - 1) / ((a + b + 2 * k - 1) * (a + b + 2 * k))
    odd = np.concatenate([[a / (a + b)], odd])
    jacobi = np.diag(odd)
    jacobi[k, k] += even
    # eigh reads the lower triangle only.
    jacobi[k, k - 1] = np.sqrt(odd[:-1] * even)
    nodes, vectors = np.linalg.eigh(jacobi)
    # Rounding may put the smallest node at or below zero. The function that is averaged
    # is smooth there, so a tiny positive node will do.
    return np.maximum(nodes, 1e-100), vectors[0] ** 2
