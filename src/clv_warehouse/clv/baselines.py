"""Simple forecasts of spend, which every backtest judges beside the network.

All get what the network gets: training observations whose horizons are over, and the
features of the judged customers. All forecasts are in currency and at least 0. Other
models that learn from those features are judged by benchmarks, not by a build.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from clv_warehouse.clv.observations import Observations
from clv_warehouse.project.arrays import Floats

YEAR = 365
# A rule in proportion expects at most so many times what customers spent in training.
MOST_GROWTH = 10


class Baseline(Protocol):
    """A way to forecast spend."""

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Spend expected of each judged observation within its horizon, shape (n,)."""


@dataclass(frozen=True)
class Zero:
    """Forecasts that nobody buys again."""

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect nothing, shape (n,)."""
        return np.zeros(len(judged))


@dataclass(frozen=True)
class LastYearRate:
    """Forecasts that everybody goes on spending as they did over the last year."""

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect last year's net spend per day, times the horizon, shape (n,).

        For a customer of less than a year it divides by the days since the first
        purchase, but by at least the horizon: one purchase yesterday does not mean a
        purchase every day.
        """
        horizon = judged.horizon_days
        known_days = np.minimum(judged.column("tenure_days") + 1, YEAR)
        days = np.maximum(known_days, np.minimum(horizon, YEAR))
        return np.maximum(judged.column("spend_365d"), 0) / days * horizon


@dataclass(frozen=True)
class InProportion:
    """Forecasts spend in proportion to one column of customer_features."""

    column: str

    def predict(self, training: Observations, judged: Observations) -> Floats:
        """Expect the column times one factor per horizon, shape (n,).

        The factor makes the forecasts of the latest training date add up to the spend
        that followed. Earlier dates would give another factor, because totals since the
        first purchase grow with a shop's age. If training has no such horizon, the
        factor is that of the nearest one, per day. Where the column adds up to almost
        nothing on that date, as in a shop's first weeks, the factor has no meaning; the
        mean forecast is at most MOST_GROWTH times the mean spend of training, per day.
        """
        forecast = np.zeros(len(judged))
        if len(training) == 0:
            return forecast
        known_horizons = np.unique(training.horizon_days)
        for horizon in np.unique(judged.horizon_days):
            nearest = known_horizons[np.abs(known_horizons - horizon).argmin()]
            known = training.where(training.horizon_days == nearest)
            known = known.where(known.as_of_date == known.as_of_date.max())
            total = self._score(known).sum()
            factor = (
                known_spend(known).sum() / total * horizon / nearest if total else 0.0
            )
            rows = judged.horizon_days == horizon
            forecast[rows] = self._score(judged)[rows] * factor
            most = MOST_GROWTH * known_spend(known).mean() * horizon / nearest
            forecast[rows] *= min(1, most / max(forecast[rows].mean(), 1e-12))
        return forecast

    def _score(self, observations: Observations) -> Floats:
        """Read the column, shape (n,); 0 for null and for more returned than bought."""
        return np.maximum(np.nan_to_num(observations.column(self.column)), 0)


# By the names under which they are judged, beside the network and the prior.
BASELINES: dict[str, Baseline] = {
    "last_year_rate": LastYearRate(),
    "past_spend": InProportion("past_spend"),
    "formula": InProportion("formula_value"),
    "zero": Zero(),
}


def known_spend(training: Observations) -> Floats:
    """Read what was spent, shape (n,); ValueError if that is not known."""
    if training.spend is None:
        raise ValueError("training observations need their spend")
    return training.spend
