"""What was known at the end of a day, and blocks of customers of it for rankers."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import scipy.sparse as sp

from clv_warehouse.learning.popularity import NOBODY
from clv_warehouse.project.arrays import Ints, Singles
from clv_warehouse.recommendations.likeness import Lent, Likeness
from clv_warehouse.recommendations.neighbours import GraphFilter, item_to_item
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.signals import Signals
from clv_warehouse.recommendations.tastes import Tastes


@dataclass(frozen=True)
class Known:
    """What was known at the end of a day.

    Attributes:
        signals: of pairs, products and customers.
        similar: item-to-item weights, shape (products, products).
        learned: those that were learned; None before there are any.
        tastes: vectors by the encoder; None where it did not see the shop.
        borrowed: what products that nobody had bought borrow; None if they do not.
        liking: how much customers like what they bought or looked at; None where views
            are not read.
        looked: how lately they looked at products; None where views are not read.

    """

    signals: Signals
    similar: sp.csr_matrix
    learned: sp.csr_matrix | GraphFilter | None = None
    tastes: Tastes | None = None
    borrowed: Lent | None = None
    liking: sp.csr_matrix | None = None
    looked: sp.csr_matrix | None = None

    @classmethod
    def at(
        cls,
        purchases: Purchases,
        day: int,
        learned: sp.csr_matrix | GraphFilter | None = None,
        likeness: Likeness | None = None,
        tastes: Tastes | None = None,
    ) -> Self:
        """Find what was known; products that nobody had bought borrow by likeness."""
        before = purchases.until(day)
        signals = Signals.at(before, day)
        known = cls(signals, item_to_item(signals.interest), learned, tastes)
        if before.views is not None:
            liking, looked = before.liking(day), before.looked(day)
            known = replace(known, liking=liking, looked=looked)
        return known if likeness is None else known.lent(likeness)

    def lent(self, likeness: Likeness) -> Self:
        """Return the same, where products that nobody had bought borrow by likeness."""
        lent, learned = likeness.to_cold(self.signals.purchases), self.learned
        if isinstance(learned, GraphFilter):
            learned = replace(learned, lent=lent.shares)
        elif learned is not None:
            learned = lent.weights(learned)
        return replace(
            self,
            signals=lent.signals(self.signals),
            similar=lent.weights(self.similar),
            learned=learned,
            borrowed=lent,
        )

    @property
    def interest(self) -> sp.csr_matrix:
        """How fresh interest is, by pair of customer and product."""
        return self.signals.interest

    def block(self, customers: Ints) -> "Block":
        """Return the block of some customers, in rising order."""
        return Block(self, customers)


class Block:
    """Some customers, as rankers see them.

    Attributes:
        known: what was known of all.
        customers: their places, shape (c,).
        interest: rows of the interest, shape (c, products).
        pair: where the pairs of these customers are among all pairs, shape (p,).
        row: the customer of each pair, as a row of the block, shape (p,).
        product: the product of each pair, shape (p,).

    """

    def __init__(self, known: Known, customers: Ints) -> None:
        """Cut the block out."""
        self.known, self.customers = known, customers
        whole = known.interest
        counts = np.diff(whole.indptr)[customers]
        starts = whole.indptr[customers]
        self.row = np.repeat(np.arange(len(customers)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        self.pair = np.repeat(starts, counts) + within
        self.interest = whole[customers]
        self.product = whole.indices[self.pair]

    @cached_property
    def similar(self) -> Singles:
        """What goes with their purchases by item-to-item weights, (c, products)."""
        return self._going_with(self.known.similar, self.interest)

    @cached_property
    def learned(self) -> Singles:
        """What goes with them by the learned weights; 0 before there are any."""
        if self.known.learned is None:
            return np.zeros(self.interest.shape, np.float32)
        return self._going_with(self.known.learned, self.interest)

    @cached_property
    def liked(self) -> Singles:
        """What goes with all that they bought or looked at, by the learned weights.

        With what they bought alone where nobody is watched.
        """
        if self.known.liking is None or self.known.learned is None:
            return self.learned
        of_customers = self.known.liking[self.customers]
        return self._going_with(self.known.learned, of_customers)

    @cached_property
    def looked(self) -> Singles:
        """How lately they looked at each product, (c, products)."""
        if self.known.looked is None:
            return np.zeros(self.interest.shape, np.float32)
        return np.asarray(self.known.looked[self.customers].todense(), np.float32)

    @cached_property
    def taste(self) -> Singles:
        """Log-chance of each product by taste and popularity, (c, products).

        By popularity alone without an encoder.
        """
        popularity = self.known.signals.popularity
        if self.known.tastes is None:
            share = np.log((popularity + NOBODY) / (popularity + NOBODY).sum())
            return np.broadcast_to(share, self.interest.shape)
        of_customers = self.known.tastes.customers[self.customers]
        return self.known.tastes.log_chances(of_customers, popularity)

    def _going_with(
        self, weights: sp.csr_matrix | GraphFilter, interest: sp.csr_matrix
    ) -> Singles:
        """Return what an interest says of all products, (c, products), from 0."""
        if isinstance(weights, GraphFilter):
            found = weights.scores(interest)
        else:
            found = np.asarray((interest @ weights).todense(), np.float32)
        np.maximum(found, 0, out=found)
        if self.known.borrowed is not None:
            self.known.borrowed.liking(interest, found)
        return found
