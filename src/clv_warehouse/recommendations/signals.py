"""What is known of a customer and a product that says whether they will meet.

All signals are logarithms of counts, days or weights, because chances rise and fall in
proportion to them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import scipy.sparse as sp

from clv_warehouse.project.arrays import Ints, Singles
from clv_warehouse.recommendations.purchases import Purchases

# Interest in what a purchase says fades by half in so many days.
FADES = 180
HALF_LIVES = (30, 60, 180, 365)
RECENT = (7, 14, 28, 56, 180)
MONTH, YEAR = 28, 364
# A product's own rate of repeats counts as much as the shop's with so many buyers.
STEADY_BUYERS = 20
# Of weights: what is added before the logarithm.
ABOUT_NONE = 0.01


@dataclass(frozen=True)
class Signals:
    """What was known at the end of a day.

    Attributes:
        purchases: those up to the day.
        interest: how fresh each customer's interest in each bought product is, from 0
            to 1, shape (customers, products).
        of_pairs: signals of each pair that `interest` has a cell for, shape (pairs, s).
        of_products: signals of each product, shape (products, t).
        of_customers: signals of each customer, shape (customers, u).
        popularity: customers who bought each product in the last 28 days.
        habit: how much a customer is used to buy a product, by pair; what the trials
            call own frequency, faded by 60 and by 365 days.
        visits: days on which each customer bought anything, shape (customers,).
        gap: mean days between purchases of a pair; nan if there was one only.

    """

    purchases: Purchases
    interest: sp.csr_matrix
    of_pairs: Singles
    of_products: Singles
    of_customers: Singles
    popularity: Singles
    habit: Singles
    visits: Ints
    gap: Singles

    @cached_property
    def relative(self) -> Singles:
        """Signals of products less the mean of what sells, shape (products, t).

        Before Christmas all counts are higher than those that a ranker learned from.
        """
        total = max(float(self.popularity.sum()), 1)
        return self.of_products - self.popularity @ self.of_products / total

    @classmethod
    def at(cls, purchases: Purchases, day: int) -> Self:
        """Find the signals at the end of a day, of all purchases up to it."""
        age = (day - purchases.day).astype(np.float32)
        faded = {half: purchases.summed(np.exp2(-age / half)) for half in HALF_LIVES}
        interest = faded[FADES].copy()
        np.minimum(interest.data, 1, out=interest.data)
        count = purchases.days.data
        first, last = _extremes(purchases, age)
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = np.where(count > 1, (first - last) / (count - 1), np.nan)
        # How far the next purchase is due: a week more, because nobody is so exact.
        due = np.log((last + 7) / np.maximum(gap, 7))
        due = np.where(np.isnan(gap), 0, due)
        pairs = [
            *(np.log(faded[half].data + ABOUT_NONE) for half in HALF_LIVES),
            np.log(count),
            np.log1p(last),
            due,
            due**2,
            count > 1,
        ]
        recent = {days: buyers(purchases, age, 0, days) for days in RECENT}
        products = [
            *(np.log1p(each) for each in recent.values()),
            np.log(buyers(purchases, age, YEAR - MONTH, YEAR) + 2),
            np.log(buyers(purchases, age, YEAR, YEAR + MONTH) + 2),
            np.log(repeat_rate(purchases, age)),
        ]
        bought = np.diff(interest.indptr)
        times = np.asarray(purchases.days.sum(1)).ravel()
        came = visits(purchases)
        customers = [
            np.log1p(came),
            np.log1p(bought),
            np.log((times - bought + 5) / (times + 20)),
        ]
        return cls(
            purchases,
            interest,
            of_pairs=np.stack(pairs, 1).astype(np.float32),
            of_products=np.stack(products, 1).astype(np.float32),
            of_customers=np.stack(customers, 1).astype(np.float32),
            popularity=recent[MONTH],
            habit=faded[60].data + faded[365].data / 2,
            visits=came,
            gap=gap.astype(np.float32),
        )


def buyers(purchases: Purchases, age: Singles, newest: int, oldest: int) -> Singles:
    """Count the customers who bought each product within some ages, in days."""
    kept = (age >= newest) & (age < oldest)
    pairs = purchases.customer[kept].astype(np.int64) * purchases.shape[1]
    products = np.unique(pairs + purchases.product[kept]) % max(purchases.shape[1], 1)
    return np.bincount(products, minlength=purchases.shape[1]).astype(np.float32)


def repeat_rate(purchases: Purchases, age: Singles) -> Singles:
    """Of those who had bought a product and came in the last 28 days: who bought it.

    Drawn to the shop's rate where few had bought it.
    """
    recent = age < MONTH
    came = np.zeros(purchases.shape[0], bool)
    came[purchases.customer[recent]] = True
    products = max(purchases.shape[1], 1)
    pairs = purchases.customer.astype(np.int64) * products + purchases.product
    had = np.unique(pairs[~recent & came[purchases.customer]])
    again = np.intersect1d(had, pairs[recent])
    had, again = (
        np.bincount(each % products, minlength=purchases.shape[1])
        for each in (had, again)
    )
    rate = (again.sum() + 1) / (had.sum() + 20)
    found = (again + STEADY_BUYERS * rate) / (had + STEADY_BUYERS)
    return found.astype(np.float32)


def visits(purchases: Purchases) -> Ints:
    """On how many days each customer bought anything."""
    span = int(purchases.day.max(initial=0)) + 1
    days = np.unique(purchases.customer.astype(np.int64) * span + purchases.day)
    return np.bincount(days // span, minlength=purchases.shape[0])


def _extremes(purchases: Purchases, age: Singles) -> tuple[Singles, Singles]:
    """Return days since the first and since the last purchase of each pair."""
    starts = purchases.pairs
    ends = np.r_[starts[1:], len(age)] - 1
    return age[starts], age[ends[: len(starts)]]
