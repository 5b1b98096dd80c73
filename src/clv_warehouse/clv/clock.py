"""A clock on which a day of a busy month counts as more than one day.

A customer who buys ten times a year buys more often in December than in February. On
this clock December is longer, so that models of an even rate fit: those of purchases
read histories and horizons in days of the clock. A year has as many days on it as on
the calendar.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.clv.history import History
from clv_warehouse.project.arrays import Floats

MONTHS = 12
# The days that the clock knows.
FIRST_DAY, LAST_DAY = (
    int(np.datetime64(day, "D").astype(np.int64))
    for day in ("1900-01-01", "2200-01-01")
)


@dataclass(frozen=True, eq=False)
class Clock:
    """How busy each month of the year is.

    Attributes:
        by_month: (12,) how many days a day counts as, from January to December, with a
            mean of one.

    """

    by_month: Floats

    @classmethod
    def even(cls) -> "Clock":
        """Return the clock on which all months are alike."""
        return cls(np.ones(MONTHS))

    @classmethod
    def of_effects(cls, effects: Floats) -> "Clock":
        """Return the clock of month effects, (12,), in logs."""
        by_month = np.exp(effects)
        return cls(by_month / by_month.mean())

    @cached_property
    def by_day(self) -> Floats:
        """What each day counts as, from FIRST_DAY on."""
        days = np.arange(FIRST_DAY, LAST_DAY).astype("datetime64[D]")
        return self.by_month[months_of(days)]

    @cached_property
    def at_end(self) -> Floats:
        """What the clock says at the end of each day, from the one before FIRST_DAY."""
        return np.concatenate([[0.0], np.cumsum(self.by_day)])

    @cached_property
    def is_even(self) -> bool:
        """Whether all months are alike."""
        return bool((self.by_month == 1).all())

    def __call__(self, day: NDArray) -> Floats:
        """Read the clock at the end of days since 1970, which may be broken, (n,)."""
        if self.is_even:
            return np.asarray(day, dtype=np.float64)
        place = np.clip(day - (FIRST_DAY - 1), 0, len(self.by_day) - 1)
        whole = place.astype(np.int64)
        return self.at_end[whole] + (place - whole) * self.by_day[whole]

    def rate(self, day: NDArray) -> Floats:
        """How fast the clock goes just after the end of days since 1970, (n,)."""
        place = np.clip(day - (FIRST_DAY - 1), 0, len(self.by_day) - 1)
        return self.by_day[place.astype(np.int64)]

    def history(self, history: History) -> History:
        """Turn the days of a history into days of the clock."""
        if self.is_even:
            return history
        end = history.as_of.astype(np.int64).astype(np.float64)
        begin = self(end - history.age)
        age = self(end) - begin
        recency = self(end - history.age + history.recency) - begin
        # Rounding may put a purchase on the as-of date after it.
        return replace(history, recency=np.minimum(recency, age), age=age)

    def ahead(
        self, as_of: NDArray[np.datetime64], horizon_days: float | NDArray
    ) -> Floats:
        """Return how many days of the clock the next `horizon_days` are, (n,)."""
        if self.is_even:
            return np.broadcast_to(np.asarray(horizon_days, np.float64), as_of.shape)
        end = as_of.astype(np.int64)
        return self(end + np.asarray(horizon_days)) - self(end)


def months_of(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return the month of each day, 0 for January, shape (n,)."""
    return days.astype("datetime64[M]").astype(np.int64) % MONTHS
