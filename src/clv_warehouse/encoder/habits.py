"""What is known of customers without an encoder, as numbers that rules read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from clv_warehouse.encoder.histories import (
    AMOUNT,
    LONG,
    NUMBERS,
    PURCHASE,
    Histories,
)
from clv_warehouse.project.arrays import Bools, Floats, Ints

VIEWS, CARTS, SEARCHES = (
    NUMBERS.index(name) for name in ("views", "carts", "searches")
)
# Purchases and visits of the last so many days are counted.
RECENT = (7, 28, 91, 365)
# Days between purchases of customers who have bought once.
USUAL_GAP = 60
# Half-lives, in days, of what was bought and of what was looked at.
BOUGHT, VIEWED = (30, 180, 720), (7, 30)


def has_bought(known: Histories) -> Bools:
    """Say who has bought anything, shape (customers,); `known` ends on the day."""
    count = len(known.start) - 1
    return _count(known, known.numbers[:, PURCHASE] > 0, count) > 0


def has_visited(known: Histories) -> Bools:
    """Say who has looked around, shape (customers,)."""
    return _count(known, is_visit(known), len(known.start) - 1) > 0


def is_visit(known: Histories) -> Bools:
    """Say of each day whether the customer looked around, shape (n,)."""
    return np.asarray(known.numbers[:, [VIEWS, CARTS, SEARCHES]].any(1))


def purchase_days(known: Histories) -> Ints:
    """Count days with a purchase, shape (customers,)."""
    count = len(known.start) - 1
    return _count(known, known.numbers[:, PURCHASE] > 0, count).astype(np.int64)


def habits(known: Histories, customers: Ints, day: int) -> Floats:
    """Say how lately, how often and how much, shape (c, k), of about one size each.

    `known` is what was known at the end of the day.
    """
    count = len(known.start) - 1
    age = (day - known.day).astype(np.float64)
    bought, visited = known.numbers[:, PURCHASE] > 0, is_visit(known)
    every = np.ones(len(age), bool)
    last_bought = _last(known, age, bought, count)
    purchases = _count(known, bought, count)
    first, first_bought = _first(known, age, every), _first(known, age, bought)
    gap = (first_bought - last_bought) / np.maximum(purchases - 1, 1)
    gap = np.where(purchases > 1, gap, USUAL_GAP)
    columns = [
        np.log1p(last_bought),
        np.log1p(_last(known, age, visited, count)),
        np.log1p(_last(known, age, every, count)),
        np.log1p(first),
        np.log1p(first_bought),
        np.log1p(purchases),
        purchases == 1,
        np.log1p(gap) * (purchases > 0),
        (np.log1p(last_bought) - np.log1p(gap)) * (purchases > 0),
        np.maximum(np.log1p(last_bought) - np.log1p(gap), 0) * (purchases > 0),
    ]
    for days in RECENT:
        recent = age < days
        columns.append(np.log1p(_count(known, bought & recent, count)))
        columns.append(np.log1p(_count(known, visited & recent, count)))
    for number in (VIEWS, CARTS, SEARCHES):
        for days in RECENT[:2]:
            weight = known.numbers[:, number] * (age < days)
            columns.append(np.log1p(np.bincount(known.customer, weight, count)))
    spent = np.bincount(known.customer, known.numbers[:, AMOUNT] * (age < 365), count)
    columns.append(np.log1p(spent))
    return np.column_stack(columns)[customers]


def _count(known: Histories, kept: Bools, count: int) -> Floats:
    return np.bincount(known.customer[kept], minlength=count).astype(np.float64)


def _last(known: Histories, age: Floats, kept: Bools, count: int) -> Floats:
    """Days since the last of some days, or LONG."""
    found = np.full(count, float(LONG))
    np.minimum.at(found, known.customer[kept], age[kept])
    return found


def _first(known: Histories, age: Floats, kept: Bools) -> Floats:
    """Days since the first of some days, or 0."""
    found = np.zeros(len(known.start) - 1)
    np.maximum.at(found, known.customer[kept], age[kept])
    return found


@dataclass(frozen=True)
class Shares:
    """What share of what a customer bought, or looked at, was of each item.

    Attributes:
        bought: by half-life the weight of each item, each of shape (c, items).
        viewed: the same of what was looked at.

    """

    bought: Sequence[Floats]
    viewed: Sequence[Floats]

    @classmethod
    def of(
        cls, known: Histories, customers: Ints, day: int, items: sp.csr_matrix
    ) -> "Shares":
        """Add up; `items` is 1 where a product is of an item, (products, items)."""
        start, count = known.start[customers], np.diff(known.start)[customers]
        row = np.repeat(np.arange(len(customers)), count)
        events = np.arange(count.sum()) + np.repeat(
            start - np.cumsum(count) + count, count
        )
        age = (day - known.day[events]).astype(np.float64)
        shape = (len(customers), len(events))
        found = []
        for half_lives, what in ((BOUGHT, known.bought), (VIEWED, known.viewed)):
            of_items = sp.csr_matrix(what[events] @ items)
            weights = (
                sp.csr_matrix((np.exp2(-age / half), (row, np.arange(len(row)))), shape)
                for half in half_lives
            )
            found.append([(each @ of_items).toarray() for each in weights])
        return cls(*found)

    def numbers(self, popular: Floats) -> Floats:
        """Return numbers of each pair, (c, items, k), given shares of all (items,).

        One purchase as everybody makes them is added to the customer's own.
        """
        columns = [np.broadcast_to(np.log(popular), self.bought[0].shape)]
        for each in (*self.bought, *self.viewed):
            total = each.sum(1, keepdims=True)
            columns += [np.log((each + popular) / (total + 1)), np.log1p(each)]
        return np.stack(columns, 2)
