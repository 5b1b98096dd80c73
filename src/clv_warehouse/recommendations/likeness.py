"""Which products are like each other, for those nobody has bought.

Words of names and categories say so, and product vectors where they help (vectors.py).

A product that nobody has bought yet borrows what is known of the products most like it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import scipy.sparse as sp

from clv_warehouse.project.arrays import Bools, Floats, Ints, Singles
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
# How much vectors that help count beside the words, for who lends: they decide where
# words do not. More makes lists worse (DECISIONS.md).
LEANING = 0.05
TINY = 1e-12


@dataclass(frozen=True)
class Likeness:
    """Words of products, weighted so that rare words count more, and their vectors.

    Attributes:
        words: unit rows, shape (products, words).
        vectors: by source, unit rows, shape (products, numbers); zeros for none.
        weights: by source, how much its vectors say of tastes; 0 if missing.

    """

    words: sp.csr_matrix
    vectors: Mapping[str, Singles] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        names: Sequence[str | None],
        categories: Sequence[str | None],
        vectors: Mapping[str, Singles] | None = None,
    ) -> Self:
        """Weigh the words of names, and each category as one word (tf-idf).

        Vectors count once `weighing` says how much.
        """
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
        return cls(sp.csr_matrix(unit, dtype=np.float32), vectors or {})

    def weighing(self, weights: Mapping[str, float]) -> Self:
        """Return the same, where sources of vectors say so much of tastes."""
        return replace(self, weights=weights)

    def to_cold(self, purchases: Purchases) -> "Lent":
        """Say what each product that nobody has bought borrows from which others."""
        buyers = np.bincount(purchases.bought.indices, minlength=purchases.shape[1])
        cold = np.flatnonzero(buyers == 0)
        shares = self.shares(cold, lenders_of(purchases))
        return Lent(shares, cold, self if self.uses_vectors else None)

    def shares(self, borrowers: Ints, lenders: Ints) -> sp.csr_matrix:
        """Say what products borrow from which others, shape (products, products).

        None borrows from itself.
        """
        products = self.words.shape[0]
        count = min(LENDERS, len(lenders))
        parts = [(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for start in range(0, len(borrowers) if count else 0, BLOCK):
            which = borrowers[start : start + BLOCK]
            alike = self.alike(which, lenders)
            alike[which[:, None] == lenders] = 0
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
        return sp.csr_matrix(
            (share.astype(np.float32), (row, column)), (products, products)
        )

    def alike(self, which: Ints, others: Ints) -> Floats:
        """Say how alike products are to others, shape (which, others)."""
        of_others = self.words[others].T.tocsr()
        found = (self.words[which] @ of_others).toarray().astype(np.float64)
        for _, vectors in self._used():
            found += LEANING * _rounded(vectors[which] @ vectors[others].T)
        return found

    @property
    def uses_vectors(self) -> bool:
        """Whether vectors say anything of what customers like."""
        return bool(self._used())

    def liking(self, interest: sp.csr_matrix, products: Ints) -> Singles:
        """Say how much likelier vectors make products, shape (customers, products).

        By e to the weight of the source for a product that points where the mean of the
        customer's own points, if that has length 1. `interest` has a row per customer.
        """
        found = np.zeros((interest.shape[0], len(products)), np.float32)
        total = np.maximum(np.asarray(interest.sum(1)).reshape(-1, 1), TINY)
        for weight, vectors in self._used():
            liked = (interest @ vectors) / total
            found += np.float32(weight) * _rounded(liked @ vectors[products].T)
        return np.exp(found, out=found)

    def _used(self) -> list[tuple[float, Singles]]:
        """Weights and vectors, in the order of sources."""
        return [
            (weight, self.vectors[source])
            for source, weight in sorted(self.weights.items())
            if weight and source in self.vectors
        ]


def _rounded(cosines: Singles) -> Singles:
    """Return them without the last digits, which depend on the machine."""
    return np.round(cosines, 5).astype(np.float32)


def lenders_of(purchases: Purchases) -> Ints:
    """Return the products that enough customers have bought to lend."""
    buyers = np.bincount(purchases.bought.indices, minlength=purchases.shape[1])
    return np.flatnonzero(buyers >= ENOUGH_BUYERS)


@dataclass(frozen=True)
class Lent:
    """What others lend.

    Attributes:
        shares: of each lender, rows of cold products, shape (products, products).
        cold: these products.
        likeness: what says which customers like them; None if nothing does.

    """

    shares: sp.csr_matrix
    cold: Ints
    likeness: Likeness | None = None

    def liking(self, interest: sp.csr_matrix, found: Singles) -> Singles:
        """Multiply what was found of cold products by how customers like them."""
        if self.likeness is not None:
            found[:, self.cold] *= self.likeness.liking(interest, self.cold)
        return found

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
