"""Models that score products for customers: simple ones, and the one that learns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.learning.logistic import Logistic, probability
from clv_warehouse.learning.trees import Trees
from clv_warehouse.project.arrays import Bools, Ints, Singles
from clv_warehouse.recommendations.known import Block, Known
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.signals import ABOUT_NONE

POPULAR, HABIT, SIMILAR = "popular", "habit", "similar"
SIMPLE, LEARNED = "habit_then_similar", "recommender"
# The same, which also reads what customers looked at, and what the encoder says of
# tastes.
WITH_VIEWS, WITH_TASTE = "recommender_with_views", "recommender_with_taste"
# Of products that a customer has not bought, the likeliest are learned from.
LIKELIEST = 300
# Customers that are learned from. Keys are random, so the first ones are a sample.
LEARNED_FROM = 4_000
FEWEST_BUYERS = 30
# Trees speak where so many purchases can be learned from, and a leaf of theirs has so
# many cases.
FEWEST_FOR_TREES, FEWEST_IN_LEAF = 500, 200
# Of products that a customer has not bought, so many are told apart by trees.
TOLD_APART = 100


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
        of_products = live(block.known.signals.popularity)
        habit = np.log1p(block.known.signals.habit[block.pair])
        # Any habit comes before any other product.
        shape = (len(block.customers), len(of_products))
        others = np.broadcast_to(of_products - 1, shape)
        return habit * of_products[block.product], others


@dataclass(frozen=True)
class Similar:
    """What goes with the customer's purchases, by item-to-item weights."""

    name: str = SIMILAR

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score all products by what the customer bought and by popularity."""
        found = block.similar * live(block.known.signals.popularity)
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
class Likelihood:
    """Log-odds of a purchase: a regression's, or the mean of them and of trees'."""

    regression: Logistic
    trees: Trees | None = None

    @classmethod
    def fit(cls, numbers: Singles, happened: Bools) -> Self:
        """Fit to `numbers` of shape (n, k) and `happened`, shape (n,), of both kinds.

        Trees grow where there is enough to learn from.
        """
        is_enough = min(happened.sum(), (~happened).sum()) >= FEWEST_FOR_TREES
        trees = Trees.fit(numbers, happened, FEWEST_IN_LEAF) if is_enough else None
        return cls(Logistic.fit(numbers, happened), trees)

    def log_odds(self, numbers: Singles) -> NDArray[Any]:
        """Return the log-odds of numbers (n, k), shape (n,)."""
        weights = self.regression.weights
        found = numbers.astype(np.float64) @ weights + self.regression.intercept
        if self.trees is not None:
            found = (found + self.trees.log_odds(numbers)) / 2
        return found


@dataclass(frozen=True)
class Learned:
    """The chance that a customer who orders soon takes a product.

    Two logistic regressions, one for products that the customer has bought and one for
    others, of what each signal says. They are fitted on the window before, so that they
    weigh habit, cycle, season, popularity, what goes with what and, if they are read,
    what customers looked at and the encoder's taste as this shop's customers do. Where
    there is enough to learn from, half of the say is that of boosted trees, which see
    what signals say together: of all pairs, and of the likeliest new products.
    """

    again: Likelihood
    new: Likelihood
    reads_taste: bool = False
    reads_views: bool = False

    @property
    def name(self) -> str:
        """What tables call it."""
        if self.reads_taste:
            return WITH_TASTE
        return WITH_VIEWS if self.reads_views else LEARNED

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score by chance, from 0 to 1."""
        going = _going(block, self.reads_taste, self.reads_views)
        again = self.again.log_odds(_of_bought(block, going))
        new = _shared(self.new.regression, block, len(going))
        for place, each in enumerate(going):
            new += each * np.float32(self.new.regression.weights[place])
        if self.new.trees is not None:
            _tell_apart(self.new.trees, block, going, new)
        return probability(again), probability(new)

    @classmethod
    def fit(
        cls, known: Known, bought: Purchases, reads_taste: bool = False
    ) -> Self | None:
        """Fit on what customers bought after what was known; None if few bought.

        What they looked at is read where it is known.
        """
        reads_views = known.liking is not None
        interested = np.diff(known.interest.indptr) > 0
        buyers = np.flatnonzero((np.diff(bought.bought.indptr) > 0) & interested)
        if len(buyers) < FEWEST_BUYERS:
            return None
        again, new = [], []
        for block in blocks(known, buyers[:LEARNED_FROM]):
            is_bought = np.asarray(bought.bought[block.customers].todense()) > 0
            going = _going(block, reads_taste, reads_views)
            places = (block.row, block.product)
            again.append((_of_bought(block, going), is_bought[places]))
            places = likeliest(block, going)
            new.append((_of(block, going, *places), is_bought[places]))
        fitted = []
        for each in (again, new):
            numbers = np.concatenate([numbers for numbers, _ in each])
            happened = np.concatenate([happened for _, happened in each])
            if 0 < happened.sum() < len(happened):
                fitted.append(Likelihood.fit(numbers, happened))
            elif each is again and not happened.any():
                # Some shops sell nothing twice to a customer.
                fitted.append(Likelihood(Logistic.never(numbers)))
            else:
                return None
        return cls(fitted[0], fitted[1], reads_taste, reads_views)


@dataclass(frozen=True)
class Renamed:
    """A ranker by another name: what it scores with differs."""

    ranker: Ranker
    name: str

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score as the ranker does."""
        return self.ranker.score(block)


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


def likeliest(block: Block, going: Sequence[Singles]) -> tuple[Ints, Ints]:
    """Return rows and products of what each is likeliest to buy for the first time.

    They are likeliest by what goes with their purchases and sells, or, as many each, by
    what goes with all that they looked at and by taste, where these are read: what only
    taste believes in must be among what is learned from, or taste would be believed too
    much. Whatever they looked at is among it too.
    """
    popular = np.log1p(block.known.signals.popularity) / np.float32(2)
    by_weights: Singles = (going[0] + popular).astype(np.float32)
    by_weights[block.row, block.product] = -np.inf
    first = 2 if block.known.looked is None else 3
    believed: list[Singles] = [by_weights, *(each.copy() for each in going[first:])]
    count = min(LIKELIEST // len(believed), by_weights.shape[1])
    chosen = np.zeros(by_weights.shape, bool)
    for each in believed:
        each[chosen] = -np.inf
        each[block.row, block.product] = -np.inf
        best = np.argpartition(-each, count - 1, axis=1)[:, :count]
        np.put_along_axis(chosen, best, True, 1)
    chosen |= block.looked > 0
    chosen[block.row, block.product] = False
    rows, products = np.nonzero(chosen)
    return rows, products


def _going(block: Block, reads_taste: bool, reads_views: bool) -> tuple[Singles, ...]:
    """Return logarithms of what goes with their purchases: learned, item-to-item.

    And of how lately they looked at it, of what goes with all that they looked at, and
    of how likely each product is by their taste, if these are read.
    """
    most = block.similar.max(1, keepdims=True)
    similar = block.similar / np.where(most > 0, most, 1)
    learned = block.learned + np.float32(ABOUT_NONE / 2)
    similar += ABOUT_NONE
    found = [np.log(learned, out=learned), np.log(similar, out=similar)]
    if reads_views:
        found.append(np.log(block.looked + np.float32(ABOUT_NONE)))
        found.append(np.log(block.liked + np.float32(ABOUT_NONE / 2)))
    return (*found, block.taste) if reads_taste else tuple(found)


def _of(block: Block, going: Sequence[Singles], rows: Ints, products: Ints) -> Singles:
    signals = block.known.signals
    return np.column_stack(
        [
            *(each[rows, products] for each in going),
            signals.relative[products],
            signals.of_customers[block.customers[rows]],
        ]
    )


def _of_bought(block: Block, going: Sequence[Singles]) -> Singles:
    of_pairs = block.known.signals.of_pairs[block.pair]
    return np.column_stack([_of(block, going, block.row, block.product), of_pairs])


def _tell_apart(
    trees: Trees, block: Block, going: Sequence[Singles], new: Singles
) -> None:
    """Let trees rank the likeliest new products, before all others, in place.

    `new` are log-odds by the regression, shape (c, products).
    """
    new[block.row, block.product] = -np.inf
    count = min(TOLD_APART, new.shape[1] - 1)
    if count < 1:
        return
    order = np.argpartition(-new, count, axis=1)
    rows = np.repeat(np.arange(len(new)), count)
    products = order[:, :count].ravel()
    next_best = np.take_along_axis(new, order[:, count:][:, :1], 1)
    said = trees.log_odds(_of(block, going, rows, products))
    told = ((new[rows, products] + said) / 2).reshape(-1, count)
    # All others keep their order, and none comes before these.
    with np.errstate(invalid="ignore"):
        lead = next_best - told.min(1, keepdims=True)
    new -= np.where(lead > 0, lead, 0)
    new[rows, products] = told.ravel()


def _shared(model: Logistic, block: Block, at: int) -> Singles:
    """What products and customers, each for themselves, add to the log-odds."""
    signals = block.known.signals
    products, customers = signals.relative, signals.of_customers[block.customers]
    middle = at + products.shape[1]
    end = middle + customers.shape[1]
    of_products = products.astype(np.float64) @ model.weights[at:middle]
    of_customers = customers.astype(np.float64) @ model.weights[middle:end]
    found = of_customers[:, None] + (of_products + model.intercept)[None, :]
    return found.astype(np.float32)


def live(popularity: Singles) -> Singles:
    """Return the root of popularity, from 0 to 1; never 0, so that nothing ties."""
    return np.sqrt((popularity + ABOUT_NONE) / max(float(popularity.max(initial=0)), 1))


def _liked(known: Known) -> Singles:
    """Return buyers of the last 28 days, and less than 1 for interest of all time."""
    interest = np.asarray(known.interest.sum(0)).ravel()
    fresh = interest / (interest.max(initial=0) + 1)
    return (known.signals.popularity + fresh).astype(np.float32)
