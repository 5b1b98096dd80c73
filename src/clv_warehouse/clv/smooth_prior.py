"""Evaluates the prior between whole numbers of purchases, with its slopes.

Explanations follow a straight line from the typical customer to each other one, and
customers on that line have bought, say, 3.7 times. The prior knows whole repeat
purchases only. Here its odds of having stopped rise evenly from no repeat purchase to
the first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from clv_warehouse.clv.network import LEAST_CHANCE
from clv_warehouse.clv.prior import BgNbd, History, Prior
from clv_warehouse.project.arrays import Floats

# The inputs that the prior reads.
PRIOR_INPUTS = ("frequency", "recency_days", "tenure_days", "amount_mean")
# Degree of the polynomials that replace the prior's expected purchases.
DEGREE = 15


@dataclass(frozen=True)
class ExpectedPurchases:
    """Log of the purchases expected of a customer who is alive, as a polynomial.

    BG/NBD's integral has no cheap gradient, and no two customers share a point of their
    lines. At one horizon the integral depends only on repeat purchases x and age T, so
    polynomials of log(1 + x) and log(alpha + T) can take its place.

    Attributes:
        alpha: alpha of the BG/NBD.
        low, high: (2,) the range of the two logs.
        coefficients: (3, DEGREE + 1, DEGREE + 1) of the value and its two slopes, in
            Chebyshev polynomials of the logs, brought to [-1, 1].

    """

    alpha: float
    low: Floats
    high: Floats
    coefficients: Floats

    @classmethod
    def fit(
        cls, model: BgNbd, horizon_days: float, repeats: float, age: float
    ) -> "ExpectedPurchases":
        """Interpolate up to so many repeat purchases and so many days of age."""
        low = np.array([0.0, np.log(model.alpha)])
        high = np.array([np.log1p(max(repeats, 1)), np.log(model.alpha + max(age, 1))])
        points = chebyshev.chebpts1(DEGREE + 1)
        logs = low + (points[:, None] + 1) / 2 * (high - low)
        x, days = np.expm1(logs[:, 0]), np.exp(logs[:, 1]) - model.alpha
        x, days = (grid.ravel() for grid in np.meshgrid(x, days, indexing="ij"))
        history = History(x, days, days, np.ones_like(x))
        purchases = model.expected_purchases(history, horizon_days)
        purchases /= model.p_alive(history)
        to_coefficients = np.linalg.inv(chebyshev.chebvander(points, DEGREE))
        values = np.log(purchases).reshape(DEGREE + 1, DEGREE + 1)
        value = to_coefficients @ values @ to_coefficients.T
        slopes = [
            np.insert(
                chebyshev.chebder(value, axis=axis, scl=2 / (high - low)[axis]),
                DEGREE,
                0,
                axis=axis,
            )
            for axis in (0, 1)
        ]
        return cls(model.alpha, low, high, np.stack([value, *slopes]))

    def __call__(self, repeats: Floats, age: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the log and its slopes in `repeats` and `age`, shape (n,) each."""
        logs = np.stack([np.log1p(repeats), np.log(self.alpha + age)], axis=-1)
        places = 2 * (logs - self.low) / (self.high - self.low) - 1
        of_repeats, of_age = (
            np.ascontiguousarray(chebyshev.chebvander(place, DEGREE))
            for place in places.T
        )
        value, by_repeats, by_age = (
            ((of_repeats @ matrix) * of_age).sum(axis=1) for matrix in self.coefficients
        )
        return value, by_repeats / (1 + repeats), by_age / (self.alpha + age)


@dataclass(frozen=True)
class View:
    """The prior's forecasts at n points of the line, and their slopes.

    Attributes:
        log_spend: (n,)
        log_spend_slopes: (n, 4) in the inputs PRIOR_INPUTS, which are logs.
        logit_chance: (n,)
        logit_chance_slopes: (n, 4) likewise.

    """

    log_spend: Floats
    log_spend_slopes: Floats
    logit_chance: Floats
    logit_chance_slopes: Floats


@dataclass(frozen=True)
class SmoothPrior:
    """The prior at one horizon, between whole numbers of purchases too.

    Attributes:
        prior: the prior, which it equals for whole repeat purchases.
        horizon_days: days looked ahead.
        purchases: purchases expected of a customer who is alive.
        least_spend: the least spend that the network distinguishes, see Outlook.

    """

    prior: Prior
    horizon_days: int
    purchases: ExpectedPurchases
    least_spend: float

    def __call__(self, inputs: Floats) -> View:
        """Evaluate points, given their inputs PRIOR_INPUTS, shape (n, 4)."""
        model, amounts = self.prior.bgnbd, self.prior.gamma_gamma
        frequency, since_last, age, amount = np.expm1(inputs.T)
        # Rounding may put a last purchase before the first, or none below one.
        repeats = np.maximum(frequency - 1, 1e-9)
        recency = np.maximum(age - since_last, 0)
        shape = model.r + repeats
        log_ratio = np.log((model.alpha + age) / (model.alpha + recency))
        before = model.b + np.maximum(repeats, 1) - 1
        odds = np.minimum(repeats, 1) * model.a / before * np.exp(shape * log_ratio)
        stopped = odds / (1 + odds)
        by_repeats = log_ratio + np.where(repeats < 1, 1 / repeats, -1 / before)
        by_recency = -shape / (model.alpha + recency)
        by_age = shape / (model.alpha + age)
        # Slopes in frequency, recency_days, tenure_days and amount_mean, before logs.
        nothing = np.zeros_like(odds)
        alive_slopes = -stopped * np.stack(
            [by_repeats, -by_recency, by_age + by_recency, nothing]
        )
        bought, bought_by_repeats, bought_by_age = self.purchases(repeats, age)
        evidence = amounts.gamma + frequency * amount
        weight = amounts.p * frequency + amounts.q - 1
        log_spend = bought - np.log1p(odds) + np.log(amounts.p * evidence / weight)
        spend_slopes = alive_slopes + np.stack(
            [
                bought_by_repeats + amount / evidence - amounts.p / weight,
                nothing,
                bought_by_age,
                frequency / evidence,
            ]
        )
        stretch = self.horizon_days / (model.alpha + age)
        log_none = -shape * np.log1p(stretch)
        any_if_alive = -np.expm1(log_none)
        chance = any_if_alive / (1 + odds)
        odds_none = np.exp(log_none) / any_if_alive
        chance_slopes = alive_slopes + odds_none * np.stack(
            [
                np.log1p(stretch),
                nothing,
                -shape * stretch / (1 + stretch) / (model.alpha + age),
                nothing,
            ]
        )
        kept = np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)
        is_enough = np.exp(log_spend) > self.least_spend
        by_log = np.exp(inputs)
        return View(
            np.where(is_enough, log_spend, np.log(self.least_spend)),
            spend_slopes.T * by_log * is_enough[:, None],
            np.log(kept / (1 - kept)),
            (chance_slopes / (1 - kept) * (chance == kept)).T * by_log,
        )
