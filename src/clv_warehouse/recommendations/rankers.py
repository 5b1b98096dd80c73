"""Models that score products for customers: simple ones, and the one that learns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from clv_warehouse.project.arrays import Ints, Singles
from clv_warehouse.recommendations.known import Block, Known
from clv_warehouse.recommendations.logistic import Logistic, probability
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.signals import ABOUT_NONE

POPULAR, HABIT, SIMILAR = "popular", "habit", "similar"
SIMPLE, LEARNED = "habit_then_similar", "recommender"
# Of products that a customer has not bought, the likeliest are learned from.
LIKELIEST = 300
# Customers that are learned from. Keys are random, so the first ones are a sample.
LEARNED_FROM = 4_000
FEWEST_BUYERS = 30


class Ranker(Protocol):
    """Scores products: the higher, the earlier in a customer's lists."""

    @property
    def name(self) -> str:
        """What tables call it."""

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score the pairs of the block, shape (p,), and all products, (c, products).

        The second holds for products that the customer has not bought.
        """


@dataclass(frozen=True)
class Popular:
    """What most customers bought in the last 28 days, or else lately; for all alike."""

    name: str = POPULAR

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score by the count of customers."""
        popularity = _liked(block.known)
        shape = (len(block.customers), len(popularity))
        return popularity[block.product], np.broadcast_to(popularity, shape)


@dataclass(frozen=True)
class Habit:
    """What the customer buys often and has bought lately, if it still sells."""

    name: str = HABIT

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score pairs by habit and popularity; after them by popularity alone."""
        live = _live(block.known)
        habit = np.log1p(block.known.signals.habit[block.pair])
        # Any habit comes before any other product.
        shape = (len(block.customers), len(live))
        return habit * live[block.product], np.broadcast_to(live - 1, shape)


@dataclass(frozen=True)
class Similar:
    """What goes with the customer's purchases, by item-to-item weights."""

    name: str = SIMILAR

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score all products by what the customer bought and by popularity."""
        found = block.similar * _live(block.known)
        return found[block.row, block.product], found


@dataclass(frozen=True)
class HabitThenSimilar:
    """Habits first, then what goes with them, then the popular. It learns nothing."""

    name: str = SIMPLE

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score pairs above 0 by habit, and other products below 0.

        Below -1 are those that go with nothing the customer bought, by popularity.
        """
        habit, _ = Habit().score(block)
        _, similar = Similar().score(block)
        liked = _liked(block.known)
        liked /= liked.max(initial=1) + 1
        return habit, np.where(similar > 0, similar / (1 + similar), liked - 1) - 1


@dataclass(frozen=True)
class Learned:
    """The chance that a customer who orders soon takes a product.

    Two logistic regressions, one for products that the customer has bought and one for
    others, of what each signal says. They are fitted on the window before, so that they
    weigh habit, cycle, season, popularity and what goes with what as this shop's
    customers do.
    """

    again: Logistic
    new: Logistic
    name: str = LEARNED

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score by chance, from 0 to 1."""
        learned, similar = _going(block)
        signals = block.known.signals
        count = signals.of_products.shape[1] + signals.of_customers.shape[1] + 2
        new = _shared(self.new, block)
        new += learned * np.float32(self.new.weights[0])
        new += similar * np.float32(self.new.weights[1])
        pairs = (learned[block.row, block.product], similar[block.row, block.product])
        again = _shared(self.again, block)[block.row, block.product]
        for weight, each in zip(self.again.weights[:2], pairs, strict=True):
            again = again + np.float32(weight) * each
        of_pairs = signals.of_pairs[block.pair].astype(np.float64)
        again = again + of_pairs @ self.again.weights[count:]
        return probability(again), probability(new)

    @classmethod
    def fit(cls, known: Known, bought: Purchases) -> Self | None:
        """Fit on what customers bought after what was known; None if few bought."""
        interested = np.diff(known.interest.indptr) > 0
        buyers = np.flatnonzero((np.diff(bought.bought.indptr) > 0) & interested)
        if len(buyers) < FEWEST_BUYERS:
            return None
        again, new = [], []
        for block in blocks(known, buyers[:LEARNED_FROM]):
            is_bought = np.asarray(bought.bought[block.customers].todense()) > 0
            learned, similar = _going(block)
            places = (block.row, block.product)
            again.append(
                (
                    np.column_stack(
                        [
                            _of(block, learned, similar, *places),
                            known.signals.of_pairs[block.pair],
                        ]
                    ),
                    is_bought[places],
                )
            )
            places = likeliest(block, learned)
            new.append((_of(block, learned, similar, *places), is_bought[places]))
        fitted = []
        for each in (again, new):
            numbers = np.concatenate([numbers for numbers, _ in each])
            happened = np.concatenate([happened for _, happened in each])
            if not 0 < happened.sum() < len(happened):
                return None
            fitted.append(Logistic.fit(numbers, happened))
        return cls(again=fitted[0], new=fitted[1])


SIMPLE_RANKERS: tuple[Ranker, ...] = (
    Popular(),
    Habit(),
    Similar(),
    HabitThenSimilar(),
)


def blocks(known: Known, customers: Ints, cells: int = 1 << 22) -> Iterator[Block]:
    """Yield blocks of customers of so many cells of customers x products at most."""
    rows = max(cells // max(known.interest.shape[1], 1), 1)
    for start in range(0, len(customers), rows):
        yield known.block(customers[start : start + rows])


def likeliest(block: Block, learned: Singles) -> tuple[Ints, Ints]:
    """Return rows and products of what each is likeliest to buy for the first time."""
    found = learned + np.log1p(block.known.signals.popularity) / 2
    found[block.row, block.product] = -np.inf
    count = min(LIKELIEST, found.shape[1])
    places = np.argpartition(-found, count - 1, axis=1)[:, :count]
    rows = np.repeat(np.arange(len(places)), count)
    kept = np.isfinite(found[rows, places.ravel()])
    return rows[kept], places.ravel()[kept]


def _going(block: Block) -> tuple[Singles, Singles]:
    """Return logarithms of what goes with their purchases: learned, item-to-item."""
    most = block.similar.max(1, keepdims=True)
    similar = block.similar / np.where(most > 0, most, 1)
    learned = block.learned + np.float32(ABOUT_NONE / 2)
    similar += ABOUT_NONE
    return np.log(learned, out=learned), np.log(similar, out=similar)


def _of(
    block: Block, learned: Singles, similar: Singles, rows: Ints, products: Ints
) -> Singles:
    signals = block.known.signals
    return np.column_stack(
        [
            learned[rows, products],
            similar[rows, products],
            signals.of_products[products],
            signals.of_customers[block.customers[rows]],
        ]
    )


def _shared(model: Logistic, block: Block) -> Singles:
    """What products and customers, each for themselves, add to the log-odds."""
    signals = block.known.signals
    products, customers = signals.of_products, signals.of_customers[block.customers]
    at = 2 + products.shape[1]
    end = at + customers.shape[1]
    of_products = products.astype(np.float64) @ model.weights[2:at]
    of_customers = customers.astype(np.float64) @ model.weights[at:end]
    found = of_customers[:, None] + (of_products + model.intercept)[None, :]
    return found.astype(np.float32)


def _live(known: Known) -> Singles:
    """Return the root of popularity, from 0 to 1; never 0, so that nothing ties."""
    popularity = known.signals.popularity
    return np.sqrt((popularity + ABOUT_NONE) / max(float(popularity.max(initial=0)), 1))


def _liked(known: Known) -> Singles:
    """Return buyers of the last 28 days, and less than 1 for interest of all time."""
    interest = np.asarray(known.interest.sum(0)).ravel()
    fresh = interest / (interest.max(initial=0) + 1)
    return (known.signals.popularity + fresh).astype(np.float32)
