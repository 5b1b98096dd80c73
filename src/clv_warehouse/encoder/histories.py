"""Customers' days of events as arrays, and what of them a network reads as of a day."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from clv_warehouse.project.arrays import Bools, Ints, Singles

# What a day's numbers are, in the order of `Histories.numbers`.
NUMBERS = (
    "is_purchase",
    "amount",
    "returned_amount",
    "views",
    "carts",
    "searches",
    "reviews",
    "rating",
    "contacts",
)
COLUMNS = ("activity_date", *NUMBERS, "product_ids", "viewed_product_ids")
PURCHASE, AMOUNT, RETURNED, *_ = range(len(NUMBERS))
# By modality, the numbers that are all 0 without it.
MODALITIES = {
    "browsing": ("views", "carts", "searches"),
    "reviews": ("reviews", "rating"),
    "contacts": ("contacts",),
}
# Half-lives of the pools of all that a customer did, of the products they bought, and
# of those they looked at. Products of the last so many days of purchases have pools of
# their own, however long ago those days were.
POOLS = (7, 30, 90, 270, 810)
TASTES = (30, 180, 720)
LATEST = (1, 3)
LOOKS = (7, 90, 720)
# How many pools of products there are.
OF_PRODUCTS = len(TASTES) + len(LATEST) + len(LOOKS)
# Of each customer, so many days of events up to a date are read.
MOST_DAYS = 128
YEAR = 365.25
# Days since what never happened.
LONG = 2_000
# More than the days of a shop: a customer's days lie between two multiples of it.
SPAN = 1 << 20


@dataclass(frozen=True)
class Histories:
    """Days of events in order of customer and day.

    Attributes:
        start: where the days of each customer begin, and the end, (customers + 1,).
        day: the day, as days since 1970, shape (n,).
        numbers: what happened, shape (n, len(NUMBERS)).
        bought: 1 where a product was bought on the day, shape (n, products).
        viewed: 1 where one was looked at, shape (n, products).
        customer_keys: keys, in the order of `start`.
        product_ids: ids of the products that count, in rising order.

    """

    start: Ints
    day: Ints
    numbers: Singles
    bought: sp.csr_matrix
    viewed: sp.csr_matrix
    customer_keys: pa.Array
    product_ids: pa.Array

    @classmethod
    def from_arrow(
        cls,
        sequences: pa.Table | pa.RecordBatch,
        product_ids: pa.Array | None = None,
    ) -> Self:
        """Read rows of customer_sequences, which have a customer's days each.

        All products count that were bought, if it isn't said which.
        """
        days = sequences["days"]
        if isinstance(days, pa.ChunkedArray):
            days = days.combine_chunks()
        counts = pc.list_value_length(days).fill_null(0).to_numpy()
        start = np.r_[0, np.cumsum(counts)].astype(np.int64)
        rows = days.flatten()
        if product_ids is None:
            bought = rows.field("product_ids").flatten().cast(pa.string())
            product_ids = bought.unique().sort()
        keys = sequences["customer_key"].cast(pa.string())
        if isinstance(keys, pa.ChunkedArray):
            keys = keys.combine_chunks()
        return cls(
            start,
            rows.field("activity_date").cast(pa.int32()).to_numpy().astype(np.int64),
            np.column_stack(
                [
                    pc.cast(rows.field(name), pa.float32()).fill_null(0).to_numpy()
                    for name in NUMBERS
                ]
            )
            if len(rows)
            else np.zeros((0, len(NUMBERS)), np.float32),
            _members(rows.field("product_ids"), product_ids),
            _members(rows.field("viewed_product_ids"), product_ids),
            keys,
            product_ids,
        )

    @cached_property
    def customer(self) -> Ints:
        """The place of each day's customer, shape (n,)."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @cached_property
    def gap(self) -> Ints:
        """Days since the customer's day before, 0 for the first, shape (n,)."""
        found = np.diff(self.day, prepend=self.day[:1])
        found[self.start[:-1][np.diff(self.start) > 0]] = 0
        return found

    @cached_property
    def place(self) -> Ints:
        """Numbers that rise with customer and day, shape (n,)."""
        return self.customer * SPAN + self.day

    def until(self, day: int) -> Self:
        """Return what was known at the end of a day."""
        return self._where(self.day <= day)

    def after(self, day: int) -> Self:
        """Return what happened after a day."""
        return self._where(self.day > day)

    def both_ways(self) -> Self:
        """Return each customer twice, the second time from the last day to the first.

        The days lie between the same first and last.
        """
        counts = np.diff(self.start)
        first = np.repeat(self.start[:-1], counts)
        last = np.repeat(self.start[1:] - 1, counts)
        turned = first + last - np.arange(len(self.day))
        day = self.day[first] + self.day[last] - self.day[turned]
        return replace(
            self,
            start=np.r_[self.start, self.start[1:] + self.start[-1]],
            day=np.r_[self.day, day],
            numbers=np.vstack([self.numbers, self.numbers[turned]]),
            bought=sp.vstack([self.bought, self.bought[turned]], format="csr"),
            viewed=sp.vstack([self.viewed, self.viewed[turned]], format="csr"),
            customer_keys=pa.concat_arrays([self.customer_keys] * 2),
        )

    def begun_by(self, day: int) -> Ints:
        """Return the customers of whom something was known at the end of a day."""
        some = np.flatnonzero(np.diff(self.start) > 0)
        return some[self.day[self.start[some]] <= day]

    def of_products(self, product_ids: pa.Array) -> Self:
        """Return the same days, of which only some products count."""
        place = pc.index_in(product_ids, self.product_ids)
        place = place.fill_null(-1).to_numpy(zero_copy_only=False)
        chosen = sp.csr_matrix(
            (
                np.ones(int((place >= 0).sum()), np.float32),
                (place[place >= 0], np.flatnonzero(place >= 0)),
            ),
            (len(self.product_ids), len(product_ids)),
        )
        return replace(
            self,
            bought=sp.csr_matrix(self.bought @ chosen),
            viewed=sp.csr_matrix(self.viewed @ chosen),
            product_ids=product_ids,
        )

    def without(self, modalities: Sequence[str]) -> Self:
        """Return the days as if some modalities had no feed."""
        gone = [NUMBERS.index(name) for each in modalities for name in MODALITIES[each]]
        if not gone:
            return self
        numbers = self.numbers.copy()
        numbers[:, gone] = 0
        viewed = self.viewed
        if "browsing" in modalities:
            viewed = sp.csr_matrix(viewed.shape, dtype=np.float32)
        found = replace(self, numbers=numbers, viewed=viewed)
        return found._where(np.asarray(numbers.any(1)))

    def _where(self, kept: Bools) -> Self:
        counts = np.bincount(self.customer[kept], minlength=len(self.start) - 1)
        return replace(
            self,
            start=np.r_[0, np.cumsum(counts)].astype(np.int64),
            day=self.day[kept],
            numbers=self.numbers[kept],
            bought=self.bought[kept],
            viewed=self.viewed[kept],
        )


def _members(lists: pa.Array, product_ids: pa.Array) -> sp.csr_matrix:
    """1 where a list has a product; products that do not count are left out."""
    counts = pc.list_value_length(lists).fill_null(0).to_numpy()
    row = np.repeat(np.arange(len(lists)), counts)
    column = pc.index_in(lists.flatten().cast(pa.string()), product_ids)
    column = column.fill_null(-1).to_numpy()
    kept = column >= 0
    ones = np.ones(int(kept.sum()), np.float32)
    shape = (len(lists), len(product_ids))
    return sp.csr_matrix((ones, (row[kept], column[kept])), shape)


def modalities_of(histories: Histories) -> list[str]:
    """Return the modalities of which there is anything."""
    return [
        each
        for each, names in MODALITIES.items()
        if histories.numbers[:, [NUMBERS.index(name) for name in names]].any()
    ]


@dataclass(frozen=True)
class Scale:
    """The usual size of a purchase, on a logarithmic scale: mean and spread."""

    mean: float
    spread: float

    @classmethod
    def of(cls, histories: Histories) -> Self:
        """Measure it."""
        amounts = histories.numbers[:, AMOUNT]
        logs = np.log1p(amounts[amounts > 0].astype(np.float64))
        if not len(logs):
            return cls(0.0, 1.0)
        return cls(float(logs.mean()), float(max(logs.std(), 0.1)))


@dataclass(frozen=True)
class Asked:
    """Some customers, each as of a day, as a network reads them.

    Attributes:
        days: numbers of the customers' days, shape (n, f).
        bought: what was bought on each day, rows of mean 1, shape (n, products).
        viewed: what was looked at, of the same shape.
        pools: how fresh a day is by each half-life, shape (len(POOLS) * q, n).
        tastes: the same of days of purchases, and the mean of the latest of them, shape
            ((len(TASTES) + len(LATEST)) * q, n).
        looks: the same of days on which products were looked at, (len(LOOKS) * q, n).
        known: what is known of the customer as of the day, shape (q, s).

    """

    days: Singles
    bought: sp.csr_matrix
    viewed: sp.csr_matrix
    pools: sp.csr_matrix
    tastes: sp.csr_matrix
    looks: sp.csr_matrix
    known: Singles


def ask(histories: Histories, customer: Ints, day: Ints, scale: Scale) -> Asked:
    """Read customers as of days, two arrays of shape (q,).

    Nothing after its day reaches a row. Whoever did nothing up to it has a row of
    zeros in all pools.
    """
    start = histories.start[customer]
    end = np.searchsorted(histories.place, customer * SPAN + day, side="right")
    start = np.maximum(start, end - MOST_DAYS)
    counts = np.maximum(end - start, 0)
    query = np.repeat(np.arange(len(customer)), counts)
    event = np.repeat(start - np.cumsum(counts) + counts, counts) + np.arange(
        counts.sum()
    )
    used, column = np.unique(event, return_inverse=True)
    numbers = histories.numbers[event]
    age = (day[query] - histories.day[event]).astype(np.float32)
    is_purchase = numbers[:, PURCHASE] > 0
    every = np.ones(len(age), bool)
    has_views = np.diff(histories.viewed.indptr)[event] > 0
    (pools, fresh), (tastes, _), (looks, _) = (
        _faded(age, query, column, len(customer), len(used), half_lives, kept)
        for half_lives, kept in (
            (POOLS, every),
            (TASTES, is_purchase),
            (LOOKS, has_views),
        )
    )
    latest = _latest(query, column, len(customer), len(used), is_purchase)
    known = np.column_stack(
        [
            fresh,
            np.log1p(_least(age[is_purchase], query[is_purchase], len(customer))) / 5,
            np.log1p(_least(age, query, len(customer))) / 5,
            np.log1p(np.maximum(-_least(-age, query, len(customer)), 0)) / 5,
            np.log1p(np.bincount(query, is_purchase, len(customer))) / 3,
            _season(day + 14),
        ]
    ).astype(np.float32)
    return Asked(
        _days(histories, used, scale),
        _means(histories.bought[used]),
        _means(histories.viewed[used]),
        pools,
        sp.vstack([tastes, *latest], format="csr"),
        looks,
        known,
    )


def _faded(
    age: Singles,
    query: Ints,
    column: Ints,
    queries: int,
    events: int,
    half_lives: Sequence[int],
    kept: Bools,
) -> tuple[sp.csr_matrix, Singles]:
    """Weights of days by half-life, over one more than their sum; log of the sums."""
    parts, sums = [], []
    for half in half_lives:
        weight = np.exp2(-age / half) * kept
        total = np.bincount(query, weight, queries)
        sums.append(np.log1p(total))
        weight = (weight / (1 + total[query])).astype(np.float32)
        parts.append(
            sp.csr_matrix(
                (weight[kept], (query[kept], column[kept])), (queries, events)
            )
        )
    return sp.vstack(parts, format="csr"), np.column_stack(sums)


def _latest(
    query: Ints, column: Ints, queries: int, events: int, kept: Bools
) -> list[sp.csr_matrix]:
    """Weights of the latest days of those kept, by how many; a query's add to 1.

    Days are in order of query and day.
    """
    query, column = query[kept], column[kept]
    total = np.bincount(query, minlength=queries)
    back = np.cumsum(total)[query] - np.arange(len(query))
    parts = []
    for most in LATEST:
        of = query[back <= most]
        weight = (1 / np.minimum(total[of], most)).astype(np.float32)
        places = (of, column[back <= most])
        parts.append(sp.csr_matrix((weight, places), (queries, events)))
    return parts


def _least(values: Singles, query: Ints, queries: int) -> Singles:
    """The least value of each query, or LONG where it has none."""
    found = np.full(queries, LONG, np.float32)
    np.minimum.at(found, query, values)
    return found


def _days(histories: Histories, used: Ints, scale: Scale) -> Singles:
    """Numbers of days, each of about one size."""
    numbers = histories.numbers[used]
    day, gap = histories.day[used], histories.gap[used]
    first = histories.day[histories.start[histories.customer[used]]]
    amount = (np.log1p(numbers[:, AMOUNT]) - scale.mean) / scale.spread
    is_purchase = numbers[:, PURCHASE] > 0
    return np.column_stack(
        [
            is_purchase,
            np.clip(amount, -4, 4) * is_purchase,
            np.log1p(np.diff(histories.bought.indptr)[used]) / 3,
            np.log1p(gap) / 4,
            day == first,
            np.log1p(day - first) / 5,
            _season(day),
            numbers[:, RETURNED] > 0,
            np.log1p(numbers[:, 3:7]) / 2,
            (numbers[:, 7] - 3) / 2 * (numbers[:, 6] > 0),
            np.log1p(numbers[:, 8]),
        ]
    ).astype(np.float32)


def _season(day: Ints) -> Singles:
    angle = 2 * np.pi * (day % YEAR) / YEAR
    return np.column_stack([np.sin(angle), np.cos(angle)]).astype(np.float32)


def _means(members: sp.csr_matrix) -> sp.csr_matrix:
    """Divide rows by their sums."""
    found = sp.csr_matrix(members, copy=True)
    counts = np.diff(found.indptr)
    found.data = (1 / np.repeat(counts, counts)).astype(np.float32)
    return found
