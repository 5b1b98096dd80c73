"""Customers as of a day, and the items that they may buy, as heads read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from clv_warehouse.encoder.habits import Shares, habits, has_bought, has_visited
from clv_warehouse.encoder.histories import PURCHASE, Histories, ask
from clv_warehouse.encoder.network import Encoder
from clv_warehouse.learning.popularity import NOBODY
from clv_warehouse.project.arrays import Bools, Floats, Ints, Singles

MOST_CUSTOMERS, MOST_CATEGORIES = 20_000, 60
# An item that an encoder holds for less likely is as likely.
LEAST = 1e-4
# Numbers of pairs of customer and item at a time.
CELLS = 1 << 22


@dataclass(frozen=True)
class Catalogue:
    """Products, their categories, and how popular they are as of a day.

    Attributes:
        product_ids: ids in rising order, shape (products,).
        names: the categories that count.
        category: the place of each product's category in `names`, -1 if none.
        bought: on how many days of customers each was bought in the last window.

    """

    product_ids: pa.Array
    names: tuple[str, ...]
    category: Ints
    bought: Floats

    @classmethod
    def of(
        cls, products: pa.Table, known: Histories, names: Sequence[str] | None = None
    ) -> Self:
        """Read rows of product_popularity, for the products of some histories.

        If it isn't said which categories count, the most bought ones do.
        """
        place = pc.index_in(known.product_ids, products["product_id"].combine_chunks())
        told = products.take(pc.fill_null(place, 0)) if products.num_rows else None
        is_known = pc.is_valid(place).to_numpy(zero_copy_only=False)
        if told is None:
            category, bought = [None] * len(place), np.zeros(len(place))
        else:
            category = told["category"].to_pylist()
            bought = np.where(is_known, told["customer_days"].to_numpy(), 0)
        of = [name if ok else None for name, ok in zip(category, is_known, strict=True)]
        if names is None:
            days = known.bought.getnnz(0)
            counts: dict[str, int] = {}
            for name, count in zip(of, days.tolist(), strict=True):
                if name is not None:
                    counts[name] = counts.get(name, 0) + count
            most = sorted(counts, key=lambda each: (-counts[each], each))
            names = sorted(most[:MOST_CATEGORIES])
        places = {name: place for place, name in enumerate(names)}
        return cls(
            known.product_ids,
            tuple(names),
            np.array([places.get(each or "", -1) for each in of], np.int64),
            bought.astype(np.float64),
        )

    def at(self, known: Histories, day: int, window: int) -> Self:
        """Return it as popular as the products were on a day."""
        recent = (known.day <= day) & (known.day > day - window)
        bought = np.asarray(known.bought[recent].sum(0)).ravel()
        return replace(self, bought=bought.astype(np.float64))

    @property
    def categories(self) -> sp.csr_matrix:
        """1 where a product is of a category, (products, categories)."""
        some = np.flatnonzero(self.category >= 0)
        return sp.csr_matrix(
            (np.ones(len(some)), (some, self.category[some])),
            (len(self.category), len(self.names)),
        )

    def places_of(self, encoder: Encoder) -> Ints:
        """Return where the products of an encoder are among these."""
        place = pc.index_in(encoder.product_ids, self.product_ids)
        return place.to_numpy(zero_copy_only=False).astype(np.int64)


@dataclass(frozen=True)
class Seen:
    """Customers as of a day: what rules and heads read of them.

    Attributes:
        known: what was known at the end of the day.
        customers: their places, of shape (c,), each of whom bought or looked around.
        day: the day.
        catalogue: products, as popular as on the day.
        encoder: the encoder that said `log_odds` and `tastes`.
        has_bought: whether they have bought anything, shape (c,).
        habits: numbers of their habits, shape (c, k).
        log_odds: of a purchase in 28 and 91 days as the encoder says, shape (c, 2).
        tastes: where they lie among products, shape (c, size).

    """

    known: Histories
    customers: Ints
    day: int
    catalogue: Catalogue
    encoder: Encoder
    has_bought: Bools
    habits: Floats
    log_odds: Floats
    tastes: Singles

    @classmethod
    def at(
        cls,
        encoder: Encoder,
        histories: Histories,
        day: int,
        catalogue: Catalogue,
        most: int = MOST_CUSTOMERS,
    ) -> Self:
        """Read at most so many customers; nothing after the day reaches them.

        Raises ValueError if the encoder knows of later days.
        """
        known = histories.until(day)
        bought = has_bought(known)
        customers = np.flatnonzero(bought | has_visited(known))[:most]
        return cls(
            known,
            customers,
            day,
            catalogue,
            encoder,
            bought[customers],
            habits(known, customers, day),
            *_said(encoder, known, customers, day),
        )

    def by(self, encoder: Encoder) -> "Seen":
        """Return the same customers as another encoder of the day sees them."""
        log_odds, tastes = _said(encoder, self.known, self.customers, self.day)
        return replace(self, encoder=encoder, log_odds=log_odds, tastes=tastes)

    def where(self, kept: Bools | Ints) -> "Seen":
        """Return some of the customers."""
        return replace(
            self,
            customers=self.customers[kept],
            has_bought=self.has_bought[kept],
            habits=self.habits[kept],
            log_odds=self.log_odds[kept],
            tastes=self.tastes[kept],
        )

    def blocks(self, items: int) -> Iterator["Seen"]:
        """Return some customers after others, so that their pairs fit into memory."""
        step = max(CELLS // (max(items, 1) * 16), 1)
        for start in range(0, len(self.customers), step):
            yield self.where(np.arange(start, min(start + step, len(self.customers))))

    def happened(
        self, histories: Histories, window: int
    ) -> tuple[Bools, sp.csr_matrix]:
        """Return who bought in the window after the day, and which products."""
        later = (histories.day > self.day) & (histories.day <= self.day + window)
        rows = np.flatnonzero(later & (histories.numbers[:, PURCHASE] > 0))
        members = sp.csr_matrix(
            (np.ones(len(rows)), (histories.customer[rows], np.arange(len(rows)))),
            (len(histories.start) - 1, len(rows)),
        )[self.customers]
        return np.diff(members.indptr) > 0, sp.csr_matrix(
            members @ histories.bought[rows]
        )


def _said(
    encoder: Encoder, known: Histories, customers: Ints, day: int
) -> tuple[Floats, Singles]:
    """Return log-odds and tastes of customers as of a day, by an encoder.

    Raises ValueError if it knows of later days.
    """
    if encoder.end > day:
        raise ValueError(f"the encoder knows all until day {encoder.end} > {day}")
    read = encoder.read(known)
    log_odds, tastes = [np.zeros((0, 2))], []
    for start in range(0, max(len(customers), 1), 4096):
        chosen = customers[start : start + 4096]
        asked = ask(read, chosen, np.full(len(chosen), day), encoder.scale)
        _, taste, outputs = encoder.states(asked)
        log_odds.append(outputs[:, :2].astype(np.float64))
        tastes.append(taste)
    return np.concatenate(log_odds), np.concatenate(tastes)


@dataclass(frozen=True)
class Pairs:
    """Numbers of customers and items: `rule` (c, items, k), `encoder` (c, items, 3)."""

    rule: Floats
    encoder: Floats

    @classmethod
    def of_categories(cls, seen: Seen, chances: Floats) -> Self:
        """Read categories; `chances` are log-odds of any purchase by the rule, (c,)."""
        catalogue = seen.catalogue
        of = catalogue.categories
        popular = catalogue.bought @ of + NOBODY
        shares = Shares.of(seen.known, seen.customers, seen.day, of)
        numbers = shares.numbers(popular / popular.sum())
        any_ = np.broadcast_to(chances[:, None, None], (*numbers.shape[:2], 1))
        liked = of_products(seen) @ of[catalogue.places_of(seen.encoder)].toarray()
        return cls(np.concatenate([numbers, any_], 2), cls._said(seen, liked, popular))

    @classmethod
    def of_products(cls, seen: Seen) -> Self:
        """Read the products of the encoder."""
        catalogue, places = seen.catalogue, seen.catalogue.places_of(seen.encoder)
        count = len(places)
        of = sp.csr_matrix(
            (np.ones(count), (places, np.arange(count))),
            (len(catalogue.product_ids), count),
        )
        popular = catalogue.bought[places] + NOBODY
        shares = Shares.of(seen.known, seen.customers, seen.day, of)
        numbers = shares.numbers(popular / popular.sum())
        return cls(numbers, cls._said(seen, of_products(seen), popular))

    @staticmethod
    def _said(seen: Seen, liked: Floats, popular: Floats) -> Floats:
        shape = liked.shape
        return np.stack(
            [
                np.log(liked + LEAST),
                np.broadcast_to(np.log(popular / popular.sum()), shape),
                np.broadcast_to(seen.log_odds[:, :1], shape),
            ],
            2,
        )


def of_products(seen: Seen) -> Floats:
    """Return what share of the next purchases the encoder gives its products."""
    parts = seen.encoder.parts
    popular = seen.catalogue.bought[seen.catalogue.places_of(seen.encoder)] + NOBODY
    scores = seen.tastes @ parts["offers"].T + parts["offers_bias"]
    return softmax(scores.astype(np.float64) + np.log(popular))


def softmax(scores: Floats) -> Floats:
    """Turn scores (c, items) into shares that add up to 1."""
    found = np.exp(scores - scores.max(1, keepdims=True, initial=-np.inf))
    return found / found.sum(1, keepdims=True)
