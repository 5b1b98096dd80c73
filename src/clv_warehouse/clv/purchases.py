"""What every model of purchase times can say of a customer, whatever the model.

Each says how likely a customer has left for good, and what one who has not will buy.
Times are days, of the calendar or of a clock (clock.py).
"""

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.clv.history import History
from clv_warehouse.project.arrays import Floats

Days = float | NDArray
# Quadrature takes a row per customer and node: few at once stay in the cache.
BLOCK_ROWS = 1 << 12


class PurchaseModel(ABC):
    """A model of when customers buy, and whether they still do.

    `alpha` (days) is the rate of the gamma distribution of purchase rates.
    """

    alpha: float

    @classmethod
    @abstractmethod
    def fit(cls, history: History) -> Self:
        """Maximum likelihood; where the data determine none, the penalised one."""

    @abstractmethod
    def log_likelihood(self, history: History) -> float:
        """Logarithm of the probability of all histories."""

    @abstractmethod
    def odds_gone(
        self, repeats: Floats, recency: Floats, age: Floats
    ) -> tuple[Floats, Floats]:
        """Odds of having left for good, (n,), and the slopes of their log, (n, 3).

        The slopes are those in `repeats`, which may be broken, `recency` and `age`.
        """

    @abstractmethod
    def purchases_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Purchases expected within a horizon of who has not left, shape (n,)."""

    @abstractmethod
    def log_none_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Log of the chance that who has not left buys nothing in a horizon, (n,)."""

    @abstractmethod
    def repeats_by(self, age: Floats) -> Floats:
        """Repeat purchases expected of a new customer by an age, shape (n,)."""

    def chance_if_alive(self, repeats: Floats, age: Floats, horizon: Floats) -> Floats:
        """Chance that who has not left buys within a horizon, shape (n,)."""
        return -np.expm1(self.log_none_if_alive(repeats, age, horizon))

    def p_alive(self, history: History) -> Floats:
        """Chance that the customer still buys at all at the as-of date, shape (n,)."""
        columns = (history.frequency, history.recency, history.age)
        alive = np.empty(len(history))
        for begin in range(0, len(history), BLOCK_ROWS):
            rows = slice(begin, begin + BLOCK_ROWS)
            odds, _ = self.odds_gone(*(column[rows] for column in columns))
            alive[rows] = 1 / (1 + odds)
        return alive

    def expected_purchases(self, history: History, horizon: float) -> Floats:
        """Purchases expected in the next `horizon` days, shape (n,)."""
        ahead = np.full(len(history), float(horizon))
        purchases = self.purchases_if_alive(history.frequency, history.age, ahead)
        return self.p_alive(history) * purchases

    def chance_of_buying(self, history: History, horizon: float) -> Floats:
        """Chance of a purchase in the next `horizon` days, shape (n,)."""
        ahead = np.full(len(history), float(horizon))
        chance = self.chance_if_alive(history.frequency, history.age, ahead)
        return self.p_alive(history) * chance
