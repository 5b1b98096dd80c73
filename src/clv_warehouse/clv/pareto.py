"""Pareto/NBD: buying at an even rate, until leaving at a moment of its own.

Sources: Schmittlein, Morrison & Colombo (1987), "Counting Your Customers"; Fader &
Hardie (2005), "A Note on Deriving the Pareto/NBD Model and Related Expressions". Their
formulas have hypergeometric functions, which lose all digits for customers of many
purchases. The integral over the day of leaving, from which they come, has positive
terms only, and quadrature computes it.

Customers of some shops buy at a rhythm. Then a purchase takes several stages, each of
which comes at random: gaps are Erlang distributed (Cox 1962, "Renewal Theory"). With
one stage the model is the textbook's Pareto/NBD.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, softmax

from clv_warehouse.clv.history import History, distinct
from clv_warehouse.clv.likelihood import climb, total
from clv_warehouse.clv.purchases import PurchaseModel, blocks
from clv_warehouse.project.arrays import Floats

# Nodes between two days. They crowd towards the first one, because frequent buyers who
# left did so soon after their last purchase.
NODES = 12
CROWDING = 3
# Who is long overdue by a rhythm has left for sure; these odds are still a number.
MOST_LOG_ODDS = 500.0
# Days that count as passed since a purchase of the same day.
LEAST_GAP = 1e-9


@dataclass(frozen=True)
class ParetoNbd(PurchaseModel):
    """Buying at a gamma-distributed rate, until a gamma-distributed rate to leave.

    `r` and `alpha` (days) are shape and rate of the gamma of the rate of stages, `s`
    and `beta` (days) those of the leaving rate's. A purchase ends each `stages`.
    """

    r: float
    alpha: float
    s: float
    beta: float
    stages: int = 1

    @property
    def gap_stages(self) -> int:
        """How many stages a purchase takes."""
        return self.stages

    @classmethod
    def fit(
        cls, history: History, stages: int = 1, near: "ParetoNbd | None" = None
    ) -> "ParetoNbd":
        """Maximum likelihood; where the data determine none, the penalised one.

        `near` was fitted to much the same history: the search begins there.
        """
        (repeats, recency, age), row = distinct(
            history.frequency, history.recency, history.age
        )
        weights = np.bincount(row, history.weights, len(repeats)).astype(float)
        way = days_between(recency, age)

        def gain(log_parameters: Floats) -> tuple[float, Floats]:
            parameters = np.exp(log_parameters)
            r, alpha, s, beta = parameters
            model = cls(r, alpha, s, beta, stages)
            rows, slopes = model._of_rows(repeats, recency, age, *way)
            slope = np.array([total(weights, each) for each in slopes])
            return total(weights, rows), slope * parameters

        starts = np.log([[0.5, 60.0, 0.5, 100.0], [1.0, 180.0, 1.0, 400.0]])
        if stages > 1:
            # Customers of a rhythm determine the rate well: one climb is enough.
            starts = starts[:1] + np.log([stages, 1, 1, 1])
        begin = None
        if near is not None:
            begin = np.log([near.r, near.alpha, near.s, near.beta])
        found = climb(gain, starts, weights.sum(), begin)
        r, alpha, s, beta = map(float, np.exp(found))
        return cls(r, alpha, s, beta, stages)

    def log_likelihood(self, history: History) -> float:
        """Logarithm of the probability of all histories; equation 18.

        With several stages it leaves out how the gaps share the days between the first
        and the last purchase.
        """
        way = days_between(history.recency, history.age)
        rows, _ = self._of_rows(history.frequency, history.recency, history.age, *way)
        return total(history.weights, rows)

    def odds_gone(
        self, repeats: Floats, recency: Floats, age: Floats
    ) -> tuple[Floats, Floats]:
        """Odds of having left for good, (n,), and the slopes of their log, (n, 3)."""
        days, widths = days_between(recency, age)
        before = self._quiet(repeats, recency, days)
        now = self._quiet(repeats, recency, age[:, None])
        last = self._quiet(repeats, recency, recency[:, None])

        def density(day: Floats, quiet: Quiet) -> Floats:
            life_ratio = np.log((self.beta + age)[:, None] / (self.beta + day))
            log_odds = quiet.log_chance - now.log_chance + self.s * life_ratio
            chance = np.exp(np.minimum(log_odds, MOST_LOG_ODDS))
            return chance * self.s / (self.beta + day)

        parts = widths * density(days, before)
        odds = parts.sum(axis=1)
        left = np.maximum(odds, np.finfo(np.float64).tiny)

        def since(of: Callable[[Quiet], Floats]) -> Floats:
            return (parts * of(before)).sum(axis=1) / left - of(now)[:, 0]

        leaving = self.s / (self.beta + age)
        slopes = [
            self.stages * since(lambda quiet: quiet.by_shape),
            since(lambda quiet: -quiet.begun)
            - density(recency[:, None], last)[:, 0] / left,
            leaving / left + leaving + (now.rate - now.begun)[:, 0],
        ]
        return odds, np.stack(slopes, axis=1)

    def stage_shares(
        self, repeats: Floats, recency: Floats, age: Floats
    ) -> tuple[Floats, Floats]:
        """How likely who has not left is in each stage, (n, stages), and slopes."""
        if self.stages == 1:
            return super().stage_shares(repeats, recency, age)
        stage = np.arange(self.stages)
        shape = (self.r + self.stages * repeats)[:, None] + stage
        gap = np.maximum(age - recency, LEAST_GAP)[:, None]
        log_shares = gammaln(shape) - gammaln(stage + 1)
        log_shares += stage * np.log(gap / (self.alpha + age)[:, None])
        shares = softmax(log_shares, axis=1)
        growth = self.stages * digamma(shape)
        growth -= (shares * growth).sum(axis=1, keepdims=True)
        ahead = stage - (shares @ stage)[:, None]
        by_age = ahead * (1 / gap - 1 / (self.alpha + age)[:, None])
        return shares, np.stack([growth, -ahead / gap, by_age], axis=2)

    def days_to_next(self, history: History) -> Floats:
        """Days until half of those who have not left have bought again, shape (n,).

        The stages that are left come like those of a gamma, whose median is a third of
        a stage before its mean.
        """
        shares, _ = self.stage_shares(history.frequency, history.recency, history.age)
        passed = shares @ np.arange(self.stages)
        stage_days = (self.alpha + history.age) / (
            self.r + self.stages * history.frequency + passed
        )
        return (self.stages - passed - 1 / 3) * stage_days

    def purchases_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Purchases expected in a horizon of who has not left, (n, gap_stages).

        Purchases of an even rate, and what the customer is ahead or behind of it: the
        density of renewals is a sum over the roots of unity. What is not there in a
        horizon because the customer leaves in it is taken off by quadrature.
        """
        stage = np.arange(self.stages)
        shape, rate = self.r + self.stages * repeats, self.alpha + age
        alive = self._days_alive(age, horizon)
        purchases = (shape[:, None] + stage) * (alive / rate / self.stages)[:, None]
        # A root and its conjugate add the same.
        for turn in range(1, self.stages // 2 + 1):
            root = np.exp(2j * np.pi * turn / self.stages)
            both = 1 if 2 * turn == self.stages else 2
            for rows in blocks(len(age)):
                days, leaves, stays = self._ways(age[rows], horizon[rows])
                days = np.column_stack([days, horizon[rows]])
                lost = np.column_stack([leaves, stays])
                slow = 1 + (1 - root) * days / rate[rows, None]
                lost = lost * np.exp(-shape[rows, None] * np.log(slow))
                for place in stage:
                    off = 1 - lost.sum(axis=1)
                    turned = root ** (place + 1) / (1 - root) * off
                    purchases[rows, place] += both / self.stages * turned.real
                    lost = lost / slow
        return np.maximum(purchases, 0)

    def log_none_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Log of the chance of no purchase in a horizon, (n, gap_stages).

        A customer who has not left would not have bought anyway, or leaves before that
        purchase.
        """
        shape, rate = self.r + self.stages * repeats, self.alpha + age
        if self.stages == 1:
            # The quantiles of the day of the next purchase, were nobody to leave, are
            # the nodes; the customer must still be there on that day.
            places, masses = np.polynomial.legendre.leggauss(NODES)
            none = np.exp(-shape * np.log1p(horizon / rate))
            bought = 1 - none
            left = -np.log1p(-bought[:, None] * (places + 1) / 2)
            days = rate[:, None] * np.expm1(left / shape[:, None])
            gone = -np.expm1(-self.s * np.log1p(days / (self.beta + age[:, None])))
            return np.log(none + bought * (gone @ masses) / 2)[:, None]
        none = np.empty((len(age), self.stages))
        for rows in blocks(len(age)):
            days, leaves, stays = self._ways(age[rows], horizon[rows])
            days = np.column_stack([days, horizon[rows]])
            ends = np.column_stack([leaves, stays])
            share = days / (rate[rows, None] + days)
            still = np.exp(shape[rows, None] * np.log1p(-share))
            for stage in range(self.stages):
                # That the next purchase has still to come after some days: fewer stages
                # have passed than are left.
                term, quiet = still, still.copy()
                for passed in range(1, self.stages - stage):
                    term = term * (
                        share * ((shape[rows] + stage + passed - 1) / passed)[:, None]
                    )
                    quiet += term
                none[rows, stage] = (ends * quiet).sum(axis=1)
                still = still * (1 - share)
        return np.log(np.maximum(none, np.finfo(np.float64).tiny))

    def repeats_by(self, age: Floats) -> Floats:
        """Repeat purchases expected of a new customer by an age; equation 19."""
        zeros = np.zeros_like(age)
        return self.purchases_if_alive(zeros, zeros, age)[:, 0]

    def _ways(self, age: Floats, horizon: Floats) -> tuple[Floats, Floats, Floats]:
        """Days of a horizon, the chance to leave on each, and to leave on none.

        Shapes are (n, NODES), (n, NODES) and (n,).
        """
        days, widths = days_between(np.zeros_like(horizon), horizon)
        life = (self.beta + age)[:, None]
        leaves = widths * self.s / (life + days) * (1 + days / life) ** -self.s
        return days, leaves, np.exp(-self.s * np.log1p(horizon / life[:, 0]))

    def _days_alive(self, age: Floats, horizon: Floats) -> Floats:
        """Days of the horizon on which who has not left is expected to be there."""
        start = self.beta + age
        log_ratio = np.log1p(horizon / start)
        if abs(self.s - 1) < 1e-9:
            return start * log_ratio
        return -start * np.expm1((1 - self.s) * log_ratio) / (self.s - 1)

    def _quiet(self, repeats: Floats, recency: Floats, days: Floats) -> "Quiet":
        """How likely it is that customers bought nothing more until days, (n, m)."""
        shape = (self.r + self.stages * repeats)[:, None]
        log_rate = np.log(self.alpha + days)
        if self.stages == 1:
            return Quiet(
                gammaln(shape) - shape * log_rate,
                digamma(shape) - log_rate,
                shape / (self.alpha + days),
                np.zeros((1, 1)),
            )
        gap = np.maximum(days - recency[:, None], LEAST_GAP)
        log_share = np.log(gap) - log_rate
        stage = np.arange(self.stages)
        terms = gammaln(shape + stage) - gammaln(stage + 1)
        terms = terms[:, None, :] + stage * log_share[:, :, None]
        most = terms.max(axis=2, keepdims=True)
        shares = np.exp(terms - most)
        sums = shares.sum(axis=2)
        shares /= sums[:, :, None]
        passed = shares @ stage
        return Quiet(
            most[:, :, 0] + np.log(sums) - shape * log_rate,
            np.einsum("nmk,nk->nm", shares, digamma(shape + stage)) - log_rate,
            (shape + passed) / (self.alpha + days),
            passed / gap,
        )

    def _of_rows(
        self,
        repeats: Floats,
        recency: Floats,
        age: Floats,
        days: Floats,
        widths: Floats,
    ) -> tuple[Floats, list[Floats]]:
        """Log-likelihood of each row, (n,), and its slopes in the four parameters."""
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        # The last column is that of a customer who has not left.
        until = np.column_stack([days, age])
        quiet, log_life = (
            self._quiet(repeats, recency, until),
            np.log1p(until / beta),
        )
        exponent = quiet.log_chance - s * log_life
        exponent[:, :-1] += np.log(s / (beta + days))
        most = exponent.max(axis=1)
        parts = np.exp(exponent - most[:, None])
        parts[:, :-1] *= widths
        sums = parts.sum(axis=1)
        parts /= sums[:, None]
        gone = 1 - parts[:, -1]
        life = (parts * until / (beta + until)).sum(axis=1)
        return most + np.log(sums) - gammaln(r) + r * np.log(alpha), [
            (parts * quiet.by_shape).sum(axis=1) - digamma(r) + np.log(alpha),
            r / alpha - (parts * quiet.rate).sum(axis=1),
            gone / s - (parts * log_life).sum(axis=1),
            s * life / beta - (parts[:, :-1] / (beta + days)).sum(axis=1),
        ]


@dataclass(frozen=True)
class Quiet:
    """What it says that customers bought nothing more until some days, (n, m) each.

    Attributes:
        log_chance: log of how likely that is, up to a constant of the customer.
        by_shape: its slope in the shape of the gamma of the customer's rate.
        rate: how fast it falls with each day, and with alpha.
        begun: how fast it rises with each day, because stages pass, and falls with the
            day of the last purchase; (1, 1) zero where there is one stage.

    """

    log_chance: Floats
    by_shape: Floats
    rate: Floats
    begun: Floats


def days_between(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Return days from a start to an end, and their widths, (n, NODES) each.

    Sums over them are Gauss-Legendre quadrature of functions that fall from the start.
    """
    places, masses = np.polynomial.legendre.leggauss(NODES)
    places, masses = (places + 1) / 2, masses / 2
    span = (end - start)[:, None]
    days = start[:, None] + span * places**CROWDING
    return days, span * masses * CROWDING * places ** (CROWDING - 1)
