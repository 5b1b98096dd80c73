"""Evaluates the prior between whole numbers of purchases, with its slopes.

Explanations follow a straight line from the typical customer to each other one, and
customers on that line have bought, say, 3.7 times, 12.4 days ago.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import chebyshev

from clv_warehouse.clv.network import LEAST_CHANCE
from clv_warehouse.clv.prior import Prior
from clv_warehouse.project.arrays import Floats

# The inputs that the prior reads.
PRIOR_INPUTS = ("frequency", "recency_days", "tenure_days", "amount_mean")
# Degree of the polynomials that replace what the prior expects of who has not left.
DEGREE = 15


@dataclass(frozen=True)
class Surface:
    """A polynomial in the place of a function of repeat purchases x and age T.

    What the prior expects of a customer who has not left has no cheap gradient, and no
    two customers share a point of their lines. At one horizon it depends only on x and
    T, so polynomials of log(1 + x) and log(alpha + T) can take its place.

    Attributes:
        alpha: days, that of the model of purchases.
        low, high: (2,) the range of the two logs.
        coefficients: (3, DEGREE + 1, DEGREE + 1) of the value and its two slopes, in
            Chebyshev polynomials of the logs, brought to [-1, 1].

    """

    alpha: float
    low: Floats
    high: Floats
    coefficients: Floats

    @classmethod
    def grid(
        cls, alpha: float, repeats: float, age: float
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return range and points at which to interpolate up to a customer's x and T.

        They are low and high, (2,), and x and T, ((DEGREE + 1)^2,) each.
        """
        low = np.array([0.0, np.log(alpha)])
        high = np.array([np.log1p(max(repeats, 1)), np.log(alpha + max(age, 1))])
        points = chebyshev.chebpts1(DEGREE + 1)
        logs = low + (points[:, None] + 1) / 2 * (high - low)
        x, days = np.expm1(logs[:, 0]), np.exp(logs[:, 1]) - alpha
        x, days = (grid.ravel() for grid in np.meshgrid(x, days, indexing="ij"))
        return low, high, x, np.maximum(days, 0)

    @classmethod
    def through(
        cls, alpha: float, low: Floats, high: Floats, values: Floats
    ) -> "Surface":
        """Interpolate values at the points of `grid`."""
        points = chebyshev.chebpts1(DEGREE + 1)
        to_coefficients = np.linalg.inv(chebyshev.chebvander(points, DEGREE))
        value = to_coefficients @ values.reshape(DEGREE + 1, -1) @ to_coefficients.T
        slopes = [
            np.insert(
                chebyshev.chebder(value, axis=axis, scl=2 / (high - low)[axis]),
                DEGREE,
                0,
                axis=axis,
            )
            for axis in (0, 1)
        ]
        return cls(alpha, low, high, np.stack([value, *slopes]))

    def __call__(self, repeats: Floats, age: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the value and its slopes in `repeats` and `age`, shape (n,) each."""
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

    def shifted(self, log_factor: float) -> "View":
        """Return the view with all spend multiplied by a factor, given its log."""
        return replace(self, log_spend=self.log_spend + log_factor)


@dataclass(frozen=True)
class SmoothPrior:
    """The prior as of one date and at one horizon, between whole numbers too.

    Attributes:
        prior: the prior, which it equals for whole repeat purchases.
        as_of_date: the day after which the horizon begins.
        horizon_days: days looked ahead.
        log_purchases: log of the purchases expected of a customer who has not left, by
            stage of the gap.
        log_hazard: log(-log(1 - chance)) of the chance that such a customer buys.
        log_amount_factor: log of what the months and returns make of an amount.
        least_spend: the least spend that the network distinguishes, see Outlook.

    """

    prior: Prior
    as_of_date: np.datetime64
    horizon_days: int
    log_purchases: tuple[Surface, ...]
    log_hazard: tuple[Surface, ...]
    log_amount_factor: float
    least_spend: float

    @classmethod
    def of(
        cls,
        prior: Prior,
        as_of_date: np.datetime64,
        horizon_days: int,
        most: tuple[float, float],
        least_spend: float,
    ) -> "SmoothPrior":
        """Prepare for customers of at most so many purchases and days of tenure."""
        model, date = prior.purchases, np.array([as_of_date], "datetime64[D]")
        repeats, tenure = most
        age = prior.clock.ahead(date - int(tenure), np.array([tenure]))[0]
        low, high, x, ages = Surface.grid(model.alpha, repeats, age)
        ahead = np.broadcast_to(prior.clock.ahead(date, horizon_days), x.shape)

        def surfaces(by_stage: Floats) -> tuple[Surface, ...]:
            return tuple(
                Surface.through(model.alpha, low, high, np.log(values))
                for values in by_stage.T
            )

        return cls(
            prior,
            as_of_date,
            horizon_days,
            surfaces(model.purchases_if_alive(x, ages, ahead)),
            surfaces(-model.log_none_if_alive(x, ages, ahead)),
            float(np.log(prior.amount_factor(date, horizon_days)[0])),
            least_spend,
        )

    def season_at(self, inputs: Floats) -> float:
        """Return what the months of the horizon add to the log of a customer's spend.

        The customer has inputs PRIOR_INPUTS, shape (1, 4). In the other case, as many
        days of the clock lie ahead as of the calendar.
        """
        model, clock = self.prior.purchases, self.prior.clock
        frequency, since_last, tenure, _ = np.expm1(inputs[0])
        date = np.array([self.as_of_date], "datetime64[D]")
        end = date.astype(np.int64)
        begin = clock(end - tenure)
        age, recency = clock(end) - begin, clock(end - min(since_last, tenure)) - begin
        repeats = np.array([max(frequency - 1, 0)])
        shares, _ = model.stage_shares(repeats, recency, age)
        ahead = [clock.ahead(date, self.horizon_days), np.array([self.horizon_days])]
        with_season, without = (
            shares[0] @ model.purchases_if_alive(repeats, age, each)[0]
            for each in ahead
        )
        amounts = self.log_amount_factor - np.log(self.prior.kept)
        return float(np.log(with_season / without) + amounts)

    def __call__(self, inputs: Floats) -> View:
        """Evaluate points, given their inputs PRIOR_INPUTS, shape (n, 4)."""
        model, amounts, clock = (
            self.prior.purchases,
            self.prior.amounts,
            self.prior.clock,
        )
        frequency, since_last, tenure, amount = np.expm1(inputs.T)
        # Rounding may put a last purchase before the first, or none below one.
        repeats = np.maximum(frequency - 1, 1e-9)
        end = float(self.as_of_date.astype("datetime64[D]").astype(np.int64))
        first, last = end - tenure, end - np.minimum(since_last, tenure)
        begin = clock(first)
        age, recency = clock(np.array(end)) - begin, clock(last) - begin
        odds, by_time = model.odds_gone(repeats, recency, age)
        stopped = odds / (1 + odds)
        # Slopes in frequency, recency_days, tenure_days and amount_mean, before logs:
        # an earlier first purchase makes a customer older, and the last one later.
        nothing = np.zeros_like(odds)
        at_first, at_last = clock.rate(first), clock.rate(last)

        def in_days(by_repeats: Floats, by_recency: Floats, by_age: Floats) -> Floats:
            return np.stack(
                [
                    by_repeats,
                    -by_recency * at_last,
                    (by_age + by_recency) * at_first,
                    nothing,
                ]
            )

        alive_slopes = -stopped * in_days(*by_time.T)
        shares, by_share = model.stage_shares(repeats, recency, age)
        purchases, none = np.zeros_like(odds), np.zeros_like(odds)
        purchase_slopes, none_slopes = np.zeros((2, 3, len(odds)))
        for stage, (log_purchases, log_hazard) in enumerate(
            zip(self.log_purchases, self.log_hazard, strict=True)
        ):
            share, moves = shares[:, stage], by_share[:, stage].T
            value, by_repeats, by_age = log_purchases(repeats, age)
            value = share * np.exp(value)
            purchases += value
            purchase_slopes += value * (moves + np.stack([by_repeats, nothing, by_age]))
            value, by_repeats, by_age = log_hazard(repeats, age)
            hazard = np.exp(value)
            value = share * np.exp(-hazard)
            none += value
            none_slopes += value * (
                moves - hazard * np.stack([by_repeats, nothing, by_age])
            )
        evidence = amounts.gamma + frequency * amount
        weight = amounts.p * frequency + amounts.q - 1
        log_spend = np.log(amounts.p * evidence / weight * purchases / (1 + odds))
        log_spend += self.log_amount_factor
        spend_slopes = (
            alive_slopes
            + in_days(*(purchase_slopes / purchases))
            + np.stack(
                [
                    amount / evidence - amounts.p / weight,
                    nothing,
                    nothing,
                    frequency / evidence,
                ]
            )
        )
        buys = 1 - none
        chance = buys / (1 + odds)
        chance_slopes = alive_slopes - in_days(*(none_slopes / buys))
        kept = np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)
        is_enough = np.exp(log_spend) > self.least_spend
        by_log = np.exp(inputs)
        return View(
            np.where(is_enough, log_spend, np.log(self.least_spend)),
            spend_slopes.T * by_log * is_enough[:, None],
            np.log(kept / (1 - kept)),
            (chance_slopes / (1 - kept) * (chance == kept)).T * by_log,
        )
