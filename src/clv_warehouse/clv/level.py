"""Estimates the level: what moves all customers of a day and horizon together.

A season or a good year moves all of them. A day and a horizon are a cell. The network
learns how customers differ from the others of their cell; this module estimates the
level from all cells of the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from clv_warehouse.clv.network import OUTPUTS, Level, Network, Outlook
from clv_warehouse.clv.observations import (
    MONTHS,
    Customers,
    Observations,
    calendar_shares,
)
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.tuning import Tuning

# The output that says where the log spend of a buyer lies.
LOCATION = 2
# Newton's method for the shift of a logit converges in so few steps.
NEWTON_STEPS = 4


@dataclass(frozen=True)
class Cells:
    """The c pairs of day and horizon among n observations.

    Attributes:
        row: (n,) each observation's cell.
        as_of_date: (c,) datetime64[D].
        horizon_days: (c,)
        customers: (c,) how many observations each has.

    """

    row: NDArray[np.intp]
    as_of_date: NDArray[np.datetime64]
    horizon_days: NDArray[np.int64]
    customers: NDArray[np.int64]

    @classmethod
    def of(cls, observations: Observations) -> "Cells":
        """Find the cells of some observations."""
        pairs = np.column_stack(
            [observations.as_of_date.astype(np.int64), observations.horizon_days]
        )
        code = pairs[:, 0] * (pairs[:, 1].max() + 1) + pairs[:, 1]
        _, first, row, customers = np.unique(
            code, return_index=True, return_inverse=True, return_counts=True
        )
        dates, horizons = pairs[first].T
        return cls(row, dates.astype("datetime64[D]"), horizons, customers)

    def where(self, chosen: NDArray[np.intp]) -> "Cells":
        """Find the cells of the observations at some places."""
        places, row, customers = np.unique(
            self.row[chosen], return_inverse=True, return_counts=True
        )
        return Cells(row, self.as_of_date[places], self.horizon_days[places], customers)

    def typical(self, outcomes: NDArray) -> NDArray:
        """Return of each output what the customers of a cell share, (c, OUTPUTS).

        `outcomes`, (n, 2), are whether the customer bought, and the spend in units of
        its mean. Every cell gets one more customer, of whom half bought for the mean
        spend, so that its logarithms are finite.
        """
        bought, spend = outcomes.T
        log_spend = np.log(np.where(spend > 0, spend, 1))

        def total(values: NDArray) -> NDArray:
            return np.bincount(self.row, values, len(self.customers))

        chance = (total(bought) + 0.5) / (self.customers + 1)
        return np.column_stack(
            [
                logit(chance),
                np.log((total(spend) + 0.5) / (self.customers + 1)),
                total(log_spend) / (total(spend > 0) + 0.5),
                np.zeros(len(chance)),
            ]
        )

    def errors(
        self, outcomes: NDArray, outputs: NDArray, most_off: float
    ) -> tuple[NDArray, NDArray]:
        """Return each output's mean error and the variance of that, (c, OUTPUTS) each.

        `outcomes`, (n, 2), are whether the customer bought, and the spend in units of
        its mean. The errors are one Newton step for the chance's logit, the logarithm
        of true over expected spend, and the mean error of the log spend of buyers; the
        scale of log spend has no level of its own. No error exceeds `most_off`.
        """

        def total(values: NDArray) -> NDArray:
            return np.bincount(self.row, values, len(self.customers))

        (bought, spend), (log_odds, log_mean, location, _) = outcomes.T, outputs.T
        chance, mean, spent = expit(log_odds), np.exp(log_mean), spend > 0
        information = total(chance * (1 - chance))
        log_error = np.where(spent, np.log(np.where(spent, spend, 1)) - location, 0)
        buyers = np.maximum(total(spent), 1)
        true, expected = total(spend), total(mean)
        ratio = np.maximum(true, np.exp(-most_off) * expected) / expected
        off = np.stack(
            [
                total(bought - chance) / information,
                np.log(ratio),
                total(log_error) / buyers,
                np.zeros(len(buyers)),
            ],
            axis=1,
        )
        variance = np.stack(
            [
                1 / information,
                total((spend - mean) ** 2) / expected**2,
                total(log_error**2) / buyers**2,
                np.ones(len(buyers)),
            ],
            axis=1,
        )
        return np.clip(off, -most_off, most_off), variance

    def centred(self, outcomes: NDArray, outputs: NDArray, most_off: float) -> NDArray:
        """Shift every cell of `outputs`, shape (n, OUTPUTS), to the cell's truth."""
        for _ in range(NEWTON_STEPS):
            off, _ = self.errors(outcomes, outputs, most_off)
            outputs = outputs + off[self.row]
        return outputs

    def level(
        self,
        off: NDArray,
        variance: NDArray,
        today: np.datetime64 | None,
        tuning: Tuning,
    ) -> Level:
        """Estimate which part of the cells' errors holds `today`, by horizon and month.

        Ridge regression, which is the posterior mean where the effects of horizons,
        months and a history's start, and that of all windows on a buyer's location, are
        normal around zero, with the standard deviations that `tuning` gives them, and a
        cell's error has the variance of its customers and that of its time,
        `tuning.drift`. Windows of a horizon overlap;
        together they count as many as fit side by side.
        """
        horizons, of_horizon, count = np.unique(
            self.horizon_days, return_inverse=True, return_counts=True
        )
        first = self.as_of_date.min()
        span = ((self.as_of_date + self.horizon_days).max() - first).astype(int)
        share = np.minimum(span / horizons / count, 1)[of_horizon]

        def start(dates: NDArray[np.datetime64]) -> NDArray:
            return np.exp(-(dates - first).astype(int) / tuning.start_days)

        design = np.column_stack(
            [
                np.ones(len(share)),
                np.eye(len(horizons))[of_horizon],
                calendar_shares(self.as_of_date, self.horizon_days),
                start(self.as_of_date),
            ]
        )
        sizes = [1, len(horizons), MONTHS, 1]
        effects = np.zeros((design.shape[1], OUTPUTS))
        for output in range(OUTPUTS - 1):
            deviations = np.repeat(
                [
                    tuning.location_effect if output == LOCATION else 0,
                    tuning.horizon_effect,
                    tuning.month_effect,
                    tuning.start_effect,
                ],
                sizes,
            )
            scaled = design * deviations
            weighted = scaled.T * (share / (tuning.drift**2 + variance[:, output]))
            effects[:, output] = deviations * np.linalg.solve(
                weighted @ scaled + np.eye(len(deviations)), weighted @ off[:, output]
            )
        shared, by_horizon, by_month, of_start = np.split(
            effects, np.cumsum(sizes[:-1])
        )
        by_horizon = by_horizon + shared
        if today is not None:
            by_horizon = by_horizon + of_start * start(np.array([today]))
        return Level(
            horizons, by_horizon.astype(np.float32), by_month.astype(np.float32)
        )


def anchored(
    network: Network,
    prior: Prior,
    today: Customers,
    level: Level,
    level_days: Sequence[int],
) -> Level:
    """Add to `level` what brings today's customers together to the prior.

    That is their mean chance of buying, their total spend, and the mean location of
    buyers.
    """
    if not len(today):
        return level
    days = np.union1d(level_days, level.horizon_days)
    first = network.customer_layer(today.inputs, today.sequences)
    by_horizon = level(days, np.zeros((1, MONTHS), dtype=np.float32))
    for place, horizon in enumerate(days):
        view = Observations(
            today, np.arange(len(today)), np.full(len(today), horizon, dtype=np.int64)
        )
        outlook = Outlook.of(prior, view, network.scale)
        outputs = network.forward(first, outlook.inputs)
        outputs += network.kept * outlook.offsets
        chance, spend, location, _ = outputs.T.astype(np.float64)
        shift = 0.0
        for _ in range(NEWTON_STEPS):
            chances = expit(chance + shift)
            shift += (outlook.chance - chances).sum() / (chances * (1 - chances)).sum()
        by_horizon[place, 0] += shift
        by_horizon[place, 1] += np.log(outlook.spend.sum() / np.exp(spend).sum())
        by_horizon[place, 2] += np.average(
            outlook.offsets[:, 2] - location, weights=outlook.chance
        )
    return Level(days, by_horizon, level.by_month)
