"""What every model of purchase times can say of a customer, whatever the model.

Each says how likely a customer has left for good, and what one who has not will buy.
Times are days, of the calendar or of a clock (clock.py).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
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

    `alpha` (days) is the rate of the gamma distribution of purchase rates. A purchase
    takes `gap_stages`, each of which comes at random. With one stage customers buy at
    random, with more at a rhythm. A customer who has not left is in one of them.
    """

    alpha: float

    @property
    def gap_stages(self) -> int:
        """How many stages a purchase takes."""
        return 1

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

    def stage_shares(
        self, repeats: Floats, recency: Floats, age: Floats
    ) -> tuple[Floats, Floats]:
        """How likely who has not left is in each stage, (n, gap_stages).

        With it come the slopes of the logs in `repeats`, `recency` and `age`, (n,
        gap_stages, 3).
        """
        return np.ones((len(age), 1)), np.zeros((len(age), 1, 3))

    @abstractmethod
    def purchases_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Purchases expected in a horizon of who is in each stage, (n, gap_stages)."""

    @abstractmethod
    def log_none_if_alive(
        self, repeats: Floats, age: Floats, horizon: Floats
    ) -> Floats:
        """Log of the chance of no purchase in a horizon, by stage; (n, gap_stages)."""

    @abstractmethod
    def repeats_by(self, age: Floats) -> Floats:
        """Repeat purchases expected of a new customer by an age, shape (n,)."""

    def chance_if_alive(self, repeats: Floats, age: Floats, horizon: Floats) -> Floats:
        """Chance that who is in each stage buys in a horizon, (n, gap_stages)."""
        return -np.expm1(self.log_none_if_alive(repeats, age, horizon))

    def states(self, history: History) -> Floats:
        """Chance that a customer still buys and is in each stage, (n, gap_stages)."""
        columns = (history.frequency, history.recency, history.age)
        states = np.empty((len(history), self.gap_stages))
        for rows in blocks(len(history)):
            block = [column[rows] for column in columns]
            odds, _ = self.odds_gone(*block)
            shares, _ = self.stage_shares(*block)
            states[rows] = shares / (1 + odds)[:, None]
        return states

    def p_alive(self, history: History) -> Floats:
        """Chance that the customer still buys at all at the as-of date, shape (n,)."""
        return self.states(history).sum(axis=1)

    def expected_purchases(self, history: History, horizon: float) -> Floats:
        """Purchases expected in the next `horizon` days, shape (n,)."""
        return self._over_stages(self.purchases_if_alive, history, horizon)

    def chance_of_buying(self, history: History, horizon: float) -> Floats:
        """Chance of a purchase in the next `horizon` days, shape (n,)."""
        return self._over_stages(self.chance_if_alive, history, horizon)

    def _over_stages(
        self,
        expected: Callable[[Floats, Floats, Floats], Floats],
        history: History,
        horizon: float,
    ) -> Floats:
        ahead = np.full(len(history), float(horizon))
        values = expected(history.frequency, history.age, ahead)
        return (self.states(history) * values).sum(axis=1)


def blocks(count: int) -> Iterator[slice]:
    """Cut so many rows into blocks of at most BLOCK_ROWS."""
    for begin in range(0, count, BLOCK_ROWS):
        yield slice(begin, begin + BLOCK_ROWS)
