"""The prior: BG/NBD for how often a customer buys, Gamma-Gamma for how much.

Sources: Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way"
(BG/NBD); Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value".
Times are days throughout; money is in the currency of the history.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln

from clv_warehouse.project.arrays import Floats

Days = float | NDArray

# Parameters are sought within this factor of a common value.
REACH = 1e4
# Nodes of the quadrature: relative error below 1e-7 for horizons up to a year,
# whatever the parameters, and near machine precision for common ones.
NODES = 48


@dataclass(frozen=True, eq=False)
class History:
    """What a customer's purchases say, as of a date; every array has shape (n,).

    Attributes:
        frequency: repeat purchase days: 0 for a customer who bought on one day only.
        recency: days from the first to the last purchase.
        age: days from the first purchase to the as-of date.
        monetary: mean spend of the customer's purchases.
        purchases: how many purchases `monetary` is the mean of. By default all, the
            first included: a customer who bought once has shown a level of spend too.
            Fader & Hardie leave the first one out; for their convention give the mean
            of the repeat purchases and `purchases=frequency`.
        weights: how many customers each row stands for, by default one.

    """

    frequency: Floats
    recency: Floats
    age: Floats
    monetary: Floats
    purchases: Floats
    weights: Floats

    def __init__(
        self,
        frequency: NDArray,
        recency: NDArray,
        age: NDArray,
        monetary: NDArray,
        purchases: NDArray | None = None,
        weights: NDArray | None = None,
    ) -> None:
        """Check the columns against each other and hold them as float64.

        Raises ValueError, naming the column, if a length differs, a value is
        negative or not finite, or a recency exceeds its age.
        """
        repeats = np.asarray(frequency, dtype=np.float64)
        columns = {
            "frequency": repeats,
            "recency": recency,
            "age": age,
            "monetary": monetary,
            "purchases": repeats + 1 if purchases is None else purchases,
            "weights": np.ones_like(repeats) if weights is None else weights,
        }
        for name, values in columns.items():
            column = np.asarray(values, dtype=np.float64)
            if column.shape != repeats.shape or column.ndim != 1:
                raise ValueError(
                    f"{name} has shape {column.shape}, frequency {repeats.shape}: "
                    "give one value per customer"
                )
            wrong = ~(np.isfinite(column) & (column >= 0))
            if wrong.any():
                raise ValueError(
                    f"{name} must be finite and at least 0, found {column[wrong][0]}"
                )
            object.__setattr__(self, name, column)
        late = self.recency > self.age
        if late.any():
            raise ValueError(
                f"recency {self.recency[late][0]} exceeds age {self.age[late][0]}: "
                "a last purchase lies after the as-of date"
            )

    def __len__(self) -> int:
        return len(self.frequency)

    @cached_property
    def pairs(self) -> tuple[Sequence[Floats], NDArray[np.intp]]:
        """Find the distinct pairs of frequency and age, and each customer's place.

        A million customers share a few thousand pairs, so each horizon computes few
        values.
        """
        return _distinct(self.frequency, self.age)

    @classmethod
    def from_features(
        cls,
        frequency: NDArray,
        recency_days: NDArray,
        tenure_days: NDArray,
        amount_mean: NDArray,
        weights: NDArray | None = None,
    ) -> "History":
        """Translate the columns of customer_features, shape (n,) each.

        There `frequency` counts all purchase days, `recency_days` the days since
        the last and `tenure_days` the days since the first.
        """
        purchases = np.asarray(frequency, dtype=np.float64)
        tenure = np.asarray(tenure_days, dtype=np.float64)
        since_last = np.asarray(recency_days, dtype=np.float64)
        return cls(
            frequency=purchases - 1,
            recency=tenure - since_last,
            age=tenure,
            monetary=amount_mean,
            purchases=purchases,
            weights=weights,
        )


@dataclass(frozen=True)
class BgNbd:
    """Buying at a gamma-distributed rate, until a beta-distributed chance to stop.

    `r` and `alpha` (days) are shape and rate of the purchase rate's gamma; `a` and
    `b` the parameters of the beta of stopping after a purchase.
    """

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(cls, history: History) -> "BgNbd":
        """Maximum likelihood; where the data determine none, the penalised one."""
        (frequency, recency, age), row = _distinct(
            history.frequency, history.recency, history.age
        )
        weights = np.bincount(row, history.weights, len(frequency)).astype(float)
        counts, row_count = np.unique(frequency, return_inverse=True)

        def gain(log_parameters: Floats) -> tuple[float, Floats]:
            r, alpha, a, b = np.exp(log_parameters)
            model = cls(r, alpha, a, b)
            rows = model._row_log_likelihood(counts, row_count, recency, age)
            slope = model._gradient(counts, row_count, recency, age, weights)
            return _total(weights, rows), slope * np.exp(log_parameters)

        starts = np.log(
            [[0.5, 180.0, 1.0, 2.0], [0.25, 30.0, 1.0, 3.0], [2.0, 365.0, 0.2, 2.0]]
        )
        r, alpha, a, b = np.exp(_climb(gain, starts, weights.sum()))
        return cls(float(r), float(alpha), float(a), float(b))

    def log_likelihood(self, history: History) -> float:
        """Logarithm of the probability of all histories; Fader et al., equation 6."""
        counts, row_count = np.unique(history.frequency, return_inverse=True)
        rows = self._row_log_likelihood(counts, row_count, history.recency, history.age)
        return _total(history.weights, rows)

    def p_alive(self, history: History) -> Floats:
        """Chance that the customer still buys at all at the as-of date, shape (n,).

        It is one for a customer without a repeat purchase: in the model nobody stops
        before the first repeat.
        """
        return expit(-self._log_odds_stopped(history))

    def chance_of_buying(self, history: History, horizon_days: Days) -> Floats:
        """Chance of a purchase in the next `horizon_days`, shape (n,).

        A customer who is alive buys at a rate whose posterior is gamma (r + x,
        alpha + T) and stops only after a purchase. So the next purchase comes as in the
        NBD. `horizon_days` is one number or one per customer.
        """
        shape = self.r + history.frequency
        stretch = horizon_days / (self.alpha + history.age)
        return -self.p_alive(history) * np.expm1(-shape * np.log1p(stretch))

    def expected_purchases(self, history: History, horizon_days: Days) -> Floats:
        """Purchases expected in the next `horizon_days`, per customer, shape (n,).

        Fader, Hardie & Lee (2005), equation 10; `horizon_days` is one number or one per
        customer. Their form divides zero by zero at a = 1 and cancels near it. For a
        customer who is alive and s = horizon / (alpha + T), the same quantity is the
        mean of (1 - (1 + p s)^-(r + x)) / p over p ~ Beta(a, b + x). All terms of it
        are positive, and Gauss-Jacobi quadrature integrates it.
        """
        if np.ndim(horizon_days):
            stretch = horizon_days / (self.alpha + history.age)
            (counts, stretches), row = _distinct(history.frequency, stretch)
        else:
            (counts, ages), row = history.pairs
            stretches = horizon_days / (self.alpha + ages)
        values, row_count = np.unique(counts, return_inverse=True)
        rules = [_beta_quadrature(self.a, self.b + value) for value in values]
        nodes, masses = (np.array(parts) for parts in zip(*rules, strict=True))
        shape = self.r + counts
        alive = np.zeros(len(counts))
        for node, mass in zip(nodes.T, masses.T, strict=True):
            chance = node[row_count]
            none = np.expm1(-shape * np.log1p(chance * stretches))
            alive -= mass[row_count] * none / chance
        return self.p_alive(history) * alive[row]

    def _log_odds_stopped(self, history: History) -> Floats:
        """Log of the odds of having stopped; minus infinity without a repeat."""
        x = history.frequency
        ratio = np.log((self.alpha + history.age) / (self.alpha + history.recency))
        odds = (
            np.log(self.a)
            - np.log(self.b + np.maximum(x, 1) - 1)
            + (self.r + x) * ratio
        )
        return np.where(x > 0, odds, -np.inf)

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
                _total(by_count, digamma(r + counts) - digamma(r) + np.log(alpha))
                - _total(weights, still * log_age + stopped * log_recency),
                _total(weights, r / alpha - (r + x) * rate),
                _total(by_count, joint) + _total(weights, stopped) / a,
                _total(by_count, joint + digamma(b + counts) - digamma(b))
                - _total(weights, stopped / before),
            ]
        )


@dataclass(frozen=True)
class GammaGamma:
    """Spend per purchase: gamma around a level that is itself gamma-distributed.

    A purchase is gamma (p, v), the customer's v is gamma (q, gamma). `q` is held
    above one, where the mean spend is finite.
    """

    p: float
    q: float
    gamma: float

    @classmethod
    def fit(cls, history: History) -> "GammaGamma":
        """Maximum likelihood; where the data determine none, the penalised one.

        It leaves out rows without a purchase or with a mean of zero, which say nothing.
        Without any row the mean is one unit of currency.
        """
        known = (history.purchases > 0) & (history.monetary > 0)
        known &= history.weights > 0
        weights = history.weights[known]
        # In units of the mean amount, parameters have the same size in any currency.
        unit = (
            np.average(history.monetary[known], weights=weights) if known.any() else 1
        )
        mean = history.monetary[known] / unit
        counts, row_count = np.unique(history.purchases[known], return_inverse=True)
        by_count = np.bincount(row_count, weights, len(counts))
        total = counts[row_count] * mean
        log_total = np.log(total)

        def gain(log_parameters: Floats) -> tuple[float, Floats]:
            p, excess, gamma = np.exp(log_parameters)
            q = 1 + excess
            shape = p * counts
            log_rate = np.log(gamma + total)
            of_count = gammaln(shape + q) - gammaln(shape) - gammaln(q)
            of_mean = shape[row_count] * (log_total - log_rate) - np.log(mean)
            of_level = np.log(gamma) - log_rate
            value = _total(by_count, of_count)
            value += _total(weights, of_mean + q * of_level)
            growth = digamma(shape + q)
            slope_p = _total(by_count, counts * (growth - digamma(shape)))
            slope_p += _total(weights, counts[row_count] * (log_total - log_rate))
            slope_q = _total(by_count, growth - digamma(q))
            slope_q += _total(weights, of_level)
            rate = (shape[row_count] + q) / (gamma + total)
            slope_gamma = _total(weights, q / gamma - rate)
            scales = np.array([p, excess, gamma])
            return value, np.array([slope_p, slope_q, slope_gamma]) * scales

        starts = np.log([[4.0, 3.0, 0.75], [1.0, 1.0, 1.0], [20.0, 1.0, 0.1]])
        p, excess, gamma = np.exp(_climb(gain, starts, weights.sum()))
        return cls(float(p), float(1 + excess), float(gamma * unit))

    def expected_amount(self, history: History) -> Floats:
        """Mean spend of the customer's next purchases, shape (n,).

        Fader & Hardie (2013), equation 5: the customer's own mean, drawn towards the
        mean of all customers; the fewer purchases it rests on, the more.
        """
        seen = np.where(history.monetary > 0, history.purchases, 0)
        evidence = self.gamma + seen * history.monetary
        return self.p * evidence / (self.p * seen + self.q - 1)


@dataclass(frozen=True)
class Prior:
    """What a customer will spend: purchases (BG/NBD) times amount (Gamma-Gamma)."""

    bgnbd: BgNbd
    gamma_gamma: GammaGamma

    @classmethod
    def fit(cls, history: History) -> "Prior":
        """Both models by maximum likelihood; finite for any history, even none."""
        return cls(BgNbd.fit(history), GammaGamma.fit(history))

    def expected_spend(self, history: History, horizon_days: Days) -> Floats:
        """Spend expected in the next `horizon_days`, shape (n,), in currency."""
        purchases = self.bgnbd.expected_purchases(history, horizon_days)
        return purchases * self.gamma_gamma.expected_amount(history)

    def chance_of_buying(self, history: History, horizon_days: Days) -> Floats:
        """Chance of at least one purchase in the next `horizon_days`, shape (n,)."""
        return self.bgnbd.chance_of_buying(history, horizon_days)

    def expected_purchases(self, history: History, horizon_days: Days) -> Floats:
        """Purchase days expected in the next `horizon_days`, shape (n,)."""
        return self.bgnbd.expected_purchases(history, horizon_days)

    def p_alive(self, history: History) -> Floats:
        """Chance that the customer still buys at all at the as-of date, shape (n,)."""
        return self.bgnbd.p_alive(history)

    def to_json(self) -> str:
        """Write the parameters as JSON, which from_json reads back to the bit."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Prior":
        """Read the prior that to_json wrote."""
        parameters = json.loads(text)
        return cls(
            BgNbd(**parameters["bgnbd"]), GammaGamma(**parameters["gamma_gamma"])
        )


def _climb(
    gain: Callable[[Floats], tuple[float, Floats]], starts: Floats, size: float
) -> Floats:
    """Return the log-parameters at which `gain` is highest, shape (k,).

    `gain` returns value and slope. `starts` has a row per climb, the first with common
    values; the best climb counts. `size` is the number of customers. Some data
    determine no maximum: nobody repeated, all amounts are equal, or there is one
    customer. If the data bend `gain` in some direction less than a standard normal
    around the first start would, a second search adds the penalty of that normal.
    """
    size = max(size, 1.0)

    def climb(penalty: float) -> Floats:
        def loss(point: Floats) -> tuple[float, Floats]:
            value, slope = gain(point)
            away = point - starts[0]
            return (
                (penalty * away @ away / 2 - value) / size,
                (penalty * away - slope) / size,
            )

        reach = np.log(REACH)
        climbs = [
            minimize(
                loss,
                start,
                jac=True,
                method="L-BFGS-B",
                bounds=list(zip(starts[0] - reach, starts[0] + reach, strict=True)),
                options={"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-7},
            )
            for start in starts
        ]
        return min(climbs, key=lambda climbed: climbed.fun).x

    point = climb(penalty=0.0)
    steps: Floats = 1e-3 * np.eye(len(point))
    bend = [(gain(point - s)[1] - gain(point + s)[1]) / 2e-3 for s in steps]
    is_determined = np.linalg.eigvalsh(np.array(bend)).min() > 1
    return point if is_determined else climb(penalty=1.0)


def _total(weights: NDArray, values: NDArray) -> float:
    """Add up values times weights, shape (n,) each.

    It does not use `@`, because BLAS splits a long sum over threads that spin while
    they wait for each other. Beside other work a fit then took fifty times as long.
    """
    return float((weights * values).sum())


def _distinct(*columns: Floats) -> tuple[Sequence[Floats], NDArray[np.intp]]:
    """Return the distinct rows of columns of shape (n,), and each row's place there."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, place = np.unique(column, return_inverse=True)
        # Numbering anew after each column keeps the codes below n squared.
        codes, code = np.unique(code * len(values) + place, return_inverse=True)
    first = np.empty(len(codes), dtype=np.intp)
    first[code] = np.arange(len(code))
    return [column[first] for column in columns], code


@lru_cache(maxsize=1 << 14)
def _beta_quadrature(a: float, b: float) -> tuple[Floats, Floats]:
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
