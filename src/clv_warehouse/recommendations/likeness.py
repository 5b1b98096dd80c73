"""Which products are like each other by category and name, for those nobody has bought.

A product that nobody has bought yet borrows what is known of the products most like it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import scipy.sparse as sp

from clv_warehouse.project.arrays import Bools
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.signals import Signals

# A product borrows from so many others.
LENDERS = 20
# How much more the likest of them lend: e times as much for 0.125 more of likeness.
SHARPNESS = 8
WORD = re.compile(r"[^\W_]+")
# The likeness itself speaks for a product too, this much beside what is lent.
OWN = 0.3
# Who has bought a product as often as this lends.
ENOUGH_BUYERS = 5
# Products that are compared with all lenders at a time.
BLOCK = 500
TINY = 1e-12


@dataclass(frozen=True)
class Likeness:
    """Words of products, weighted so that rare words count more.

    Attributes:
        words: unit rows, shape (products, words).

    """

    words: sp.csr_matrix

    @classmethod
    def of(cls, names: Sequence[str | None], categories: Sequence[str | None]) -> Self:
        """Weigh the words of names, and each category as one word (tf-idf)."""
        places: dict[str, int] = {}
        rows, columns = [], []
        for row, (name, category) in enumerate(zip(names, categories, strict=True)):
            found = {word.lower() for word in WORD.findall(name or "")}
            if category:
                found.add(f"category {category}")
            for word in sorted(found):
                rows.append(row)
                columns.append(places.setdefault(word, len(places)))
        shape = (len(names), max(len(places), 1))
        words = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape)
        frequency = np.asarray(words.sum(0)).ravel()
        rarity = np.log((1 + len(names)) / (1 + frequency)) + 1
        words = (words @ sp.diags_array(rarity)).tocsr()
        length = np.sqrt(np.asarray(words.multiply(words).sum(1)).ravel())
        unit = sp.diags_array(1 / np.maximum(length, 1e-9)) @ words
        return cls(sp.csr_matrix(unit, dtype=np.float32))

    def to_cold(self, purchases: Purchases) -> "Lent":
        """Say what each product that nobody has bought borrows from which others."""
        buyers = np.bincount(purchases.bought.indices, minlength=purchases.shape[1])
        lenders = np.flatnonzero(buyers >= ENOUGH_BUYERS)
        cold = np.flatnonzero(buyers == 0)
        of_lenders = self.words[lenders].T.tocsr()
        count = min(LENDERS, len(lenders))
        parts = [(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for start in range(0, len(cold) if count else 0, BLOCK):
            which = cold[start : start + BLOCK]
            alike = (self.words[which] @ of_lenders).toarray().astype(np.float64)
            # Of those equally alike the first lend.
            alike -= np.arange(len(lenders)) * TINY
            best = np.argpartition(-alike, count - 1, axis=1)[:, :count]
            like = np.take_along_axis(alike, best, 1)
            share = np.exp(SHARPNESS * (like - like.max(1, keepdims=True)))
            share[like <= 0] = 0
            row, place = np.nonzero(share)
            share /= np.maximum(share.sum(1, keepdims=True), TINY)
            parts.append((share[row, place], which[row], lenders[best[row, place]]))
        share, row, column = map(np.concatenate, zip(*parts, strict=True))
        shares = sp.csr_matrix(
            (share.astype(np.float32), (row, column)), purchases.shape[1:] * 2
        )
        return Lent(shares)


@dataclass(frozen=True)
class Lent:
    """Shares of what others lend, rows of cold products, shape (products, products)."""

    shares: sp.csr_matrix

    @property
    def borrows(self) -> Bools:
        """Which products borrow."""
        return np.diff(self.shares.indptr) > 0

    def weights(self, weights: sp.csr_matrix) -> sp.csr_matrix:
        """Give cold products columns: those of their lenders, and the lenders."""
        scale = float(np.abs(weights.data).max(initial=0))
        lent = self.shares.T.tocsr()
        return (weights + weights @ lent + OWN * scale * lent).tocsr()

    def signals(self, signals: Signals) -> Signals:
        """Give cold products the signals of their lenders."""
        borrows = self.borrows[:, None]
        found = np.where(
            borrows, self.shares @ signals.of_products, signals.of_products
        )
        popularity = np.where(
            self.borrows, self.shares @ signals.popularity, signals.popularity
        )
        return replace(
            signals,
            of_products=found.astype(np.float32),
            popularity=popularity.astype(np.float32),
        )
