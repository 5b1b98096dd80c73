"""Decides whether customers buy at a rhythm, and how even it is.

Coffee, groceries and yearly gifts are bought at gaps that vary less than chance would
have it. How much less, customers' own gaps show. Whoever is overdue by a rhythm has
probably left, which is not so in every shop: a rhythm counts only where it forecast a
past window better than a model without it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.clv.clock import Clock
from clv_warehouse.clv.history import History
from clv_warehouse.clv.observations import Observations
from clv_warehouse.clv.pareto import ParetoNbd
from clv_warehouse.clv.shapes import shape_within
from clv_warehouse.project.arrays import Floats

# Gaps of more stages are hardly more even, and each costs time.
MOST_STAGES = 8
# Chances closer to 0 or 1 than this do not count as surer.
LEAST_CHANCE = 1e-4
# A rhythm must be better by so many standard errors.
DOUBT = 2.0
# A window of about so many days tells a rhythm from chance.
WINDOW_DAYS = 91
MOST_CUSTOMERS = 4_000


@dataclass(frozen=True, eq=False)
class Window:
    """Customers as of a past date, and whether they bought in the days after it.

    Attributes:
        history: what was known of them.
        horizon_days: how many days the window has.
        bought: (n,) whether each bought in them.

    """

    history: History
    horizon_days: int
    bought: NDArray[np.bool_]

    @classmethod
    def of(cls, observations: Observations) -> "Window | None":
        """Find the newest window of observations whose horizons are over, if any."""
        if observations.purchases is None or not len(observations):
            return None
        horizons = np.unique(observations.horizon_days)
        horizon = horizons[np.abs(horizons - WINDOW_DAYS).argmin()]
        known = observations.where(observations.horizon_days == horizon)
        newest = known.where(known.as_of_date == known.as_of_date.max())
        if newest.purchases is None:
            return None
        return cls(newest.history, int(horizon), newest.purchases > 0)

    def thinned(self) -> "Window":
        """Return at most MOST_CUSTOMERS of the customers, always the same ones."""
        if len(self.history) <= MOST_CUSTOMERS:
            return self
        random = np.random.default_rng(0)
        chosen = random.choice(len(self.history), MOST_CUSTOMERS, replace=False)
        return Window(self.history.take(chosen), self.horizon_days, self.bought[chosen])


def stages_shown(history: History) -> int:
    """Return of how many stages a gap is, by the spread of customers' own gaps."""
    gaps = history.frequency
    mean = history.recency / np.maximum(gaps, 1)
    shape = shape_within(gaps, mean, history.gap_spread, history.weights)
    return int(np.clip(shape or 1, 1, MOST_STAGES))


def holds(stages: int, window: Window, clock: Clock) -> bool:
    """Return whether a rhythm foretold who bought in a window better than chance did.

    Both models are fitted to what was known when it began, and judged by the logarithm
    of the chance that they gave to what each customer did.
    """
    window = window.thinned()
    on_clock = clock.history(window.history)
    ahead = clock.ahead(window.history.as_of, window.horizon_days)
    if not len(ahead):
        return False

    def log_score(model: ParetoNbd) -> Floats:
        chance = model.chance_of_buying(on_clock, float(ahead[0]))
        chance = np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)
        return np.log(np.where(window.bought, chance, 1 - chance))

    gain = log_score(ParetoNbd.fit(on_clock, stages))
    gain -= log_score(ParetoNbd.fit(on_clock))
    return bool(gain.mean() > DOUBT * gain.std() / np.sqrt(len(gain)))
