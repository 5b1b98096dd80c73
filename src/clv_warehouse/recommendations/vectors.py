"""What a shop's own product vectors add to likeness, if they add anything.

A shop may bring numbers that place its products among others, made of pictures or
texts. Those of a source count only if they would have helped: each product that sells
is ranked as if nobody had bought it yet, with the source and without.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from clv_warehouse.learning.acceptance import Measures
from clv_warehouse.project.arrays import Bools, Floats, Ints, Singles
from clv_warehouse.recommendations.known import Known
from clv_warehouse.recommendations.likeness import OWN, Likeness, lenders_of
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.rankers import blocks, live

VECTORS = "product_id, source, vector"
# By e to how much a source may raise the score of what a customer likes.
WEIGHTS = (0.5, 1.0, 2.0, 4.0)
# Judged products and customers; more say the same and cost more.
MOST_PRODUCTS, MOST_CUSTOMERS = 2_000, 2_000
# About so many products are ranked at a time, as many as are new in a month, and a list
# has so many.
GROUP, LENGTH = 100, 10
# The gain has to be so many standard errors above nothing: with two, noise was used in
# the sample shop, for 105 customers and the best of four weights.
ERRORS = 3.0
# With fewer customers there is no telling.
FEWEST_CUSTOMERS = 60


def read_vectors(rows: pa.Table, ids: pa.Array) -> dict[str, Singles]:
    """Read vectors by source, each of shape (products, numbers).

    `rows` are of dim_product_vectors in any order, and `ids` name the products. Vectors
    are taken from their source's mean and have the length 1: where all point the same
    way, only their differences say who is like whom. A product without a vector has
    zeros, so it is like no other.
    """
    ids_of_rows = rows["product_id"].combine_chunks().cast(pa.string())
    place = pc.index_in(ids_of_rows, ids).fill_null(-1).to_numpy(zero_copy_only=False)
    sources = np.array(rows["source"].to_pylist(), object)
    found = {}
    for source in sorted(set(sources[place >= 0])):
        which = np.flatnonzero((sources == source) & (place >= 0))
        lists = rows["vector"].take(pa.array(which)).combine_chunks()
        numbers = lists.flatten().to_numpy(zero_copy_only=False)
        numbers = np.nan_to_num(numbers.reshape(len(which), -1), posinf=0, neginf=0)
        # The last bit of a mean depends on the order.
        order = np.argsort(place[which])
        which, numbers = which[order], numbers[order]
        numbers = numbers - numbers.mean(0)
        length = np.sqrt((numbers**2).sum(1, keepdims=True))
        vectors = np.zeros((len(ids), numbers.shape[1]), np.float32)
        vectors[place[which]] = numbers / np.maximum(length, 1e-9)
        found[source] = vectors
    return found


@dataclass(frozen=True)
class Judged:
    """What a source of vectors adds.

    Attributes:
        source: the source.
        weight: how much it says of a customer's taste; 0 if it was refused.
        recall: with it, what customers' lists held of what they then bought.
        without: the same without it.
        error: standard error of the difference.
        customers: who judged it.

    """

    source: str
    weight: float
    recall: float
    without: float
    error: float
    customers: int

    @property
    def text(self) -> str:
        """What was found, in words."""
        verb = "used" if self.weight else "refused"
        return (
            f"product vectors {self.source} {verb}: of products as if new, lists hold "
            f"{self.recall:.3f} of what {self.customers} customers bought, "
            f"{self.without:.3f} without"
        )


def judge_vectors(
    known: Known, bought: Purchases, likeness: Likeness
) -> tuple[Likeness, list[Judged]]:
    """Weigh each source of vectors by what customers bought after what was known.

    Returns a likeness in which those that help count, and what was found of each. The
    best of its weights counts, so the gain has to be clearer than of a single one.
    """
    judged = []
    for source in sorted(likeness.vectors):
        tried = [likeness.weighing({**likeness.weights, source: 0.0})]
        tried += [likeness.weighing({**likeness.weights, source: w}) for w in WEIGHTS]
        hits = as_if_new(known, bought, tried)
        if hits[0].shape[0] < FEWEST_CUSTOMERS:
            continue
        best = 1 + int(np.argmax([each.sum() for each in hits[1:]]))
        without, found = hits[0], hits[best]
        customers = found.shape[0]
        gain, error = _mean_and_error(found - without)
        helps = gain > max(ERRORS * error, 0)
        judged.append(
            Judged(
                source,
                WEIGHTS[best - 1] if helps else 0.0,
                float(found.sum()) / customers,
                float(without.sum()) / customers,
                error,
                customers,
            )
        )
        likeness = tried[best if helps else 0]
    return likeness, judged


def measures_of(judged: Sequence[Judged]) -> Measures:
    """Return what was found of each source, as measures of it."""
    return {
        f"vectors: {each.source}": {
            "weight": each.weight,
            "recall": each.recall,
            "recall_without": each.without,
            "gain_error": each.error,
        }
        for each in judged
    }


def as_if_new(
    known: Known, bought: Purchases, tried: Sequence[Likeness]
) -> list[sp.csr_matrix]:
    """What lists held of what was bought, by likeness, each (customers, products).

    A cell is the share of the customer's recall that a hit is; a row adds up to their
    recall. Each product that sells takes what others lend it, and nothing of its own.
    What a customer had bought before does not count.
    """
    before = known.signals.purchases
    lenders = lenders_of(before)
    # Chance puts them in order: of products that a list holds to be equal it takes the
    # first, and those with the first ids are the oldest, which few still buy.
    judged = np.random.default_rng(0).permutation(lenders)[:MOST_PRODUCTS]
    new = bought.bought - bought.bought.multiply(before.bought)
    new = sp.csr_matrix(new)[:, judged]
    new.eliminate_zeros()
    buyers = (new.getnnz(1) > 0) & (known.interest.getnnz(1) > 0)
    customers = np.flatnonzero(buyers)[:MOST_CUSTOMERS]
    groups = np.arange(len(judged)) % max(len(judged) // GROUP, 1)
    shares = [each.shares(judged, lenders)[judged].T.tocsr() for each in tried]
    popularity = known.signals.popularity
    alive = [live(np.asarray(each.T @ popularity)) for each in shares]
    own = OWN * float(np.abs(known.similar.data).max(initial=0))
    found: list[list[sp.csr_matrix]] = [[] for _ in tried]
    for block in blocks(known, customers):
        wanted = new[block.customers].toarray() > 0
        had = np.asarray(before.bought[block.customers][:, judged].todense()) > 0
        for parts, alike, lent, of_products in zip(
            found, tried, shares, alive, strict=True
        ):
            scores = block.similar @ lent + own * (block.interest @ lent).toarray()
            scores *= of_products * alike.liking(block.interest, judged)
            scores[had] = -np.inf
            parts.append(sp.csr_matrix(_hits(scores, wanted, groups)))
    empty = sp.csr_matrix((0, len(judged)))
    return [sp.csr_matrix(sp.vstack([empty, *parts])) for parts in found]


def _hits(scores: Singles, wanted: Bools, groups: Ints) -> Floats:
    """Shares of recall, a mean over the groups of which a customer bought anything."""
    found = np.zeros(wanted.shape)
    count = np.zeros(len(wanted))
    for group in range(int(groups.max(initial=-1)) + 1):
        columns = np.flatnonzero(groups == group)
        those = wanted[:, columns]
        places = np.argsort(-scores[:, columns], axis=1, kind="stable")[:, :LENGTH]
        is_listed = np.zeros(those.shape, bool)
        np.put_along_axis(is_listed, places, True, 1)
        bought = those.sum(1)
        found[:, columns] = (is_listed & those) / np.maximum(bought, 1)[:, None]
        count += bought > 0
    return found / np.maximum(count, 1)[:, None]


def _mean_and_error(gains: sp.csr_matrix) -> tuple[float, float]:
    """Mean gain of customers and its standard error.

    Customers of one product gain or lose together, so luck with a few products is no
    proof: the error is that over products where it is larger than that over customers.
    """
    of_customers = np.asarray(gains.sum(1)).ravel()
    of_products = np.asarray(gains.sum(0)).ravel()
    count = len(of_customers)
    by_customer = of_customers.std() / np.sqrt(count)
    by_product = np.sqrt((of_products**2).sum()) / count
    return float(of_customers.mean()), float(max(by_customer, by_product))
