"""Which products go with which: item-to-item weights in closed form.

All read a sparse matrix of customers x products, whose cells say how fresh a
customer's interest in a product is, from 0 to 1. `item_to_item` and `ease` return a
sparse matrix of products x products, W: an interest x, a row of the first matrix,
scores all products by x W. A column has the sources of one product's score, and the
strongest of them are kept: all of 15,000 products would take a gigabyte.
`GraphFilter` scores likewise, and never writes W out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp
from scipy.linalg.lapack import spotrf, spotri

from clv_warehouse.project.arrays import Ints, Singles

# With 200 sources a product the lists are as good as with all (Online Retail II).
SOURCES = 200
# Up to so many products the inverse of a products x products matrix is worth its time:
# at 15,000 it takes a gigabyte and a minute. Beyond, a truncated SVD does.
MOST_INVERTED = 15_000
# Customers and products with many purchases count less by these powers: 0.5 is the
# cosine, and 0.35 does better on Gowalla.
EXPONENT = 0.35
# How strongly EASE is drawn to no weight at all.
PENALTY = 300.0
# Of the graph filter: singular vectors, the weight of the ideal low-pass filter, and
# how much of what all neighbours have in common is taken off.
RANK, LOW_PASS, SHARPENING = 448, 0.3, 0.6
# Of the randomised SVD: random directions beyond RANK.
OVERSAMPLES = 32
# Cells of a dense block: 64 MB.
BLOCK_CELLS = 1 << 24


def learn(interest: sp.csr_matrix) -> "sp.csr_matrix | GraphFilter":
    """Return the best weights that so many products allow."""
    if interest.shape[1] <= MOST_INVERTED:
        return ease(interest)
    return GraphFilter.of(interest)


def item_to_item(
    interest: sp.csr_matrix, exponent: float = EXPONENT, sources: int = SOURCES
) -> sp.csr_matrix:
    """Return how many customers pairs of products share, damped by both degrees.

    The model similar_products does the same in SQL. Weights are symmetric but for what
    is cut off.
    """
    damped = _damped(interest, exponent)
    by_product = damped.T.tocsr()

    def columns(which: Ints) -> Singles:
        found = _dense(by_product[which] @ damped)
        found[np.arange(len(which)), which] = 0
        return found

    return _strongest(interest.shape[1], columns, sources)


def ease(
    interest: sp.csr_matrix, penalty: float = PENALTY, sources: int = SOURCES
) -> sp.csr_matrix:
    """Return the weights with which all other products best restore each interest.

    Steck (2019), "Embarrassingly shallow autoencoders for sparse data": ridge
    regression of every product on all others, in closed form, with no weight on itself.
    """
    products = interest.shape[1]
    gram = np.zeros((products, products), np.float32, order="F")
    by_product = interest.T.tocsr()
    for which in _blocks(products):
        gram[which] = _dense(by_product[which] @ interest)
    gram[np.diag_indices(products)] += np.float32(penalty)
    factor, failed = spotrf(gram, overwrite_a=True)
    inverse, failed_too = spotri(factor, overwrite_c=True)
    if failed or failed_too:
        raise FloatingPointError("the matrix of products has no inverse")
    diagonal = inverse.diagonal().copy()

    def columns(which: Ints) -> Singles:
        # LAPACK fills the upper triangle only.
        found = inverse[:, which].T.copy()
        for row, column in enumerate(which):
            found[row, column:] = inverse[column, column:]
        found /= -diagonal[which][:, None]
        found[np.arange(len(which)), which] = 0
        return found

    return _strongest(products, columns, sources)


@dataclass(frozen=True)
class GraphFilter:
    """A low-pass filter on the graph of customers and products, sharpened.

    Shen et al. (2021), "How powerful is graph convolution for recommendation?" (GF-CF):
    shared customers, normalised, plus the projection on the largest singular vectors.
    After Choi et al. (2023), "Blurring-sharpening process models for collaborative
    filtering", a part of what the neighbours of a product say is then taken off. Its
    weights are never written out: cut to 400 a product they reach a recall of 0.170 on
    Gowalla, and whole ones 0.187.

    Attributes:
        damped: interest over the root of both degrees, shape (customers, products).
        by_product: the same, turned around.
        vectors: right singular vectors of `damped`, shape (rank, products).
        degree: root of the interest in each product, shape (products,).
        lent: what each cold product borrows from others, shape (products, products).

    """

    damped: sp.csr_matrix
    by_product: sp.csr_matrix
    vectors: Singles
    degree: Singles
    lent: sp.csr_matrix | None = None

    @classmethod
    def of(cls, interest: sp.csr_matrix, vectors: Singles | None = None) -> Self:
        """Find the vectors, if they are not given."""
        damped = _damped(interest, 0.5)
        if vectors is None:
            vectors = right_vectors(damped, min(RANK, min(damped.shape) - 1))
        degree = np.sqrt(np.maximum(np.asarray(interest.sum(0)).ravel(), 1e-9))
        degree = degree.astype(np.float32)
        return cls(damped, damped.T.tocsr(), vectors, degree)

    def scores(self, interest: sp.csr_matrix) -> Singles:
        """Score all products for some customers, shape (c, products)."""
        found = _dense((interest @ self.by_product) @ self.damped)
        low_pass = _dense(interest) / self.degree @ self.vectors.T @ self.vectors
        found += LOW_PASS * low_pass * self.degree
        blurred = self.by_product @ (self.damped @ np.ascontiguousarray(found.T))
        found -= SHARPENING * blurred.T
        if self.lent is not None:
            found += found @ self.lent.T
        return found


def right_vectors(matrix: sp.csr_matrix, rank: int) -> Singles:
    """Return the right singular vectors of the largest values, shape (rank, columns).

    Halko, Martinsson & Tropp (2011), "Finding structure with randomness", with one
    power iteration. The random directions are always the same.
    """
    directions = np.random.default_rng(0).standard_normal(
        (matrix.shape[1], min(rank + OVERSAMPLES, *matrix.shape)), np.float32
    )
    basis = np.linalg.qr(matrix @ directions)[0]
    basis = np.linalg.qr(matrix.T @ basis)[0]
    basis = np.linalg.qr(matrix @ basis)[0]
    # The small side's eigenvectors are cheaper than an SVD of the long one.
    projected = (matrix.T @ basis).T
    values, rotation = np.linalg.eigh(projected @ projected.T)
    largest = np.argsort(-values)[:rank]
    found = rotation[:, largest].T @ projected
    return found / np.sqrt(np.maximum(values[largest], 1e-12))[:, None]


def _damped(interest: sp.csr_matrix, exponent: float) -> sp.csr_matrix:
    found = sp.csr_matrix(interest, dtype=np.float32, copy=True)
    by_customer, by_product = (
        np.asarray(interest.sum(axis)).ravel().astype(np.float64) for axis in (1, 0)
    )
    rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
    weights = by_customer[rows] * by_product[found.indices]
    found.data /= np.maximum(weights, 1e-12) ** exponent
    return found


def _strongest(
    products: int, columns: Callable[[Ints], Singles], sources: int
) -> sp.csr_matrix:
    """Keep the largest weights of each column; `columns` gives columns as rows."""
    kept = min(sources, products)
    places, weights = [np.zeros((0, kept), np.int32)], [np.zeros((0, kept), np.float32)]
    for which in _blocks(products):
        found = columns(which)
        best = np.argpartition(-np.abs(found), kept - 1, axis=1)[:, :kept]
        best.sort(axis=1)
        places.append(best.astype(np.int32))
        weights.append(np.take_along_axis(found, best, 1))
    ends = np.arange(products + 1) * kept
    by_column = sp.csr_matrix(
        (np.concatenate(weights).ravel(), np.concatenate(places).ravel(), ends),
        (products, products),
    )
    by_column.eliminate_zeros()
    return by_column.T.tocsr()


def _blocks(products: int) -> Iterator[Ints]:
    size = max(BLOCK_CELLS // max(products, 1), 1)
    for start in range(0, products, size):
        yield np.arange(start, min(start + size, products))


def _dense(matrix: sp.csr_matrix) -> Singles:
    return np.asarray(matrix.todense(), np.float32)
