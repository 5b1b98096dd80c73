"""Learns how much busier some months of the year are, from a shop's own days.

A shop has seen a month of the year a few times at most, and sells more from one year to
the next for other reasons too. So the effects of months are drawn towards none: they
are the posterior means of a model of the months' deviations, in logs, in which

    deviation = level + drift until today + effect of the month of the year + noise

are all normal around zero. How large effects are at all is chosen by their likelihood.
Searle, Casella & McCulloch (1992), "Variance Components", has the mathematics.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clv_warehouse.clv.clock import MONTHS, Clock
from clv_warehouse.clv.history import History
from clv_warehouse.clv.purchases import PurchaseModel
from clv_warehouse.project.arrays import Floats

# Standard deviations, in logs: of the level, and of the noise of a month.
LEVEL, NOISE = 0.3, 0.06
# Candidates of the standard deviation of month effects. A priori it is near USUAL.
SPREADS = (0.02, 0.1, 0.2, 0.35, 0.5, 0.8)
USUAL = 0.25
# A month says nothing that had, and of which are expected, fewer purchases.
LEAST_COUNTED = 5.0
COHORT_DAYS = 7


@dataclass(frozen=True, eq=False)
class ShopDays:
    """What happened in the shop on each day up to an as-of date, shape (d,) each.

    Attributes:
        day: datetime64[D], every day from the first purchase to the as-of date.
        new_customers: customers who bought for the first time.
        repeats: customers who bought again.
        gross: what all bought for, in currency.
        net: the same less what came back on the day.

    """

    day: NDArray[np.datetime64]
    new_customers: Floats
    repeats: Floats
    gross: Floats
    net: Floats

    @classmethod
    def from_arrow(cls, rows: pa.Table) -> "ShopDays":
        """Read the rows of shop_days; days without a row had no purchase."""
        date = rows["activity_date"].to_numpy().astype("datetime64[D]")
        if not len(date):
            return cls(date, *np.zeros((4, 0)))
        day = np.arange(date.min(), date.max() + 1)
        place = (date - day[0]).astype(int)

        def column(name: str) -> Floats:
            values = np.zeros(len(day))
            values[place] = rows[name].to_numpy()
            return values

        new = column("new_customers")
        return cls(
            day,
            new,
            column("purchases") - new,
            column("purchase_amount"),
            column("net_amount"),
        )

    def until(self, date: np.datetime64) -> "ShopDays":
        """Return the days up to a date."""
        known = self.day <= date
        return ShopDays(
            self.day[known],
            self.new_customers[known],
            self.repeats[known],
            self.gross[known],
            self.net[known],
        )

    @property
    def month(self) -> NDArray[np.int64]:
        """Months since 1970 of each day, shape (d,)."""
        return self.day.astype("datetime64[M]").astype(np.int64)

    @property
    def months(self) -> NDArray[np.int64]:
        """The same of each month from the first to the last, shape (m,)."""
        return np.arange(self.month[0], self.month[-1] + 1)

    def by_month(self, values: Floats) -> Floats:
        """Add up the days of each month from the first to the last, shape (m,)."""
        return np.bincount(self.month - self.month[0], values).astype(np.float64)


def month_effects(
    months: NDArray[np.int64],
    observed: Floats,
    expected: Floats,
    counted: Floats,
    spreads: tuple[float, ...] = SPREADS,
    drift: float = 0.04,
    noise: float = NOISE,
    usual: float = USUAL,
) -> Floats:
    """Estimate the effect of each month of the year, in logs, shape (12,).

    `months` counts them since 1970, shape (m,), the last one being today's; `observed`
    and `expected` are what they had and what they would have had if all months of the
    year were alike. `counted` says on how many events the observed value rests; `drift`
    is the standard deviation by which the level moves from one month to the next.
    """
    is_enough = np.maximum(counted, expected) >= LEAST_COUNTED
    places = np.flatnonzero((expected > 0) & is_enough)
    if len(places) < 2:
        return np.zeros(MONTHS)
    off = np.log(observed[places] + 1) - np.log(expected[places] + 1)
    of_year = months[places] % MONTHS
    ago = months[-1] - months[places]
    known = drift**2 * np.minimum.outer(ago, ago) + LEVEL**2
    known += np.diag(1.5 / (counted[places] + 1) + noise**2 + 1e-9)
    same = of_year[:, None] == of_year
    best, chosen = -np.inf, np.zeros(MONTHS, dtype=np.float64)
    for spread in spreads:
        root = np.linalg.cholesky(known + spread**2 * same)
        whitened = np.linalg.solve(root, off)
        weights = np.linalg.solve(root.T, whitened)
        likelihood = (
            -whitened @ whitened / 2
            - np.log(np.diag(root)).sum()
            - np.log(spread / usual) ** 2 / 2
        )
        if likelihood > best:
            best = likelihood
            chosen = spread**2 * (weights @ np.eye(MONTHS)[of_year])
    return chosen


def purchase_effects(days: ShopDays, model: PurchaseModel, clock: Clock) -> Floats:
    """Estimate in logs how much more is bought in each month of the year, (12,).

    Repeat purchases are held against those that `model` expects of all customers who
    came before, if all months were alike.
    """
    day = days.day.astype(np.int64)
    cohort = (day - day[0]) // COHORT_DAYS
    customers = np.bincount(cohort, days.new_customers)
    middle = np.minimum(
        day[0] + COHORT_DAYS * np.arange(len(customers)) + COHORT_DAYS // 2, day[-1]
    )
    came = customers > 0
    is_last = np.append(np.diff(days.month) > 0, True)
    ends = clock(np.concatenate([[day[0] - 1], day[is_last]]))
    age = np.maximum(ends - clock(middle[came])[:, None], 0)
    repeats = model.repeats_by(age.ravel()).reshape(age.shape)
    on_clock = customers[came] @ np.diff(repeats, axis=1)
    expected = on_clock / clock.by_month[days.months % MONTHS]
    observed = days.by_month(days.repeats)
    return month_effects(days.months, observed, expected, observed)


def amount_effects(days: ShopDays, history: History) -> Floats:
    """Estimate in logs how much larger purchases are in each month of the year.

    A mean of amounts rests on fewer events than there were purchases, because amounts
    vary; `history` shows how much.
    """
    count = days.by_month(days.new_customers + days.repeats)
    amount = days.by_month(days.gross)
    if amount.sum() <= 0:
        return np.zeros(MONTHS)
    usual = amount.sum() / count.sum()
    purchases = history.purchases * history.weights
    own = np.nan_to_num(history.spread) ** 2
    square = (purchases * (history.monetary**2 + own)).sum() / purchases.sum()
    varied = max(square / usual**2 - 1, 0.01)
    return month_effects(
        days.months,
        amount / usual,
        count,
        count / varied,
        spreads=(0.01, 0.03, 0.1, 0.2),
        usual=0.05,
        drift=0.01,
        noise=0.04,
    )
