"""Cuts a customer's three lists out of a ranker's scores."""

from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Bools, Ints, Singles
from clv_warehouse.recommendations.known import Block
from clv_warehouse.recommendations.rankers import Ranker

AGAIN, NEW, BOTH = "again", "new", "both"
LISTS = (AGAIN, NEW, BOTH)
NOTHING = -np.inf
# Scores are rounded before they are ranked: the last bit of a sum decides nothing.
PLACES = 7


@dataclass(frozen=True)
class Lists:
    """The best products of each customer of a block, list by list.

    Attributes:
        products: by list, in order of rank, shape (c, k).
        scores: by list, of the same shape; minus infinity where a list is shorter.

    """

    products: dict[str, Ints]
    scores: dict[str, Singles]


def lists_of(ranker: Ranker, block: Block, offered: Bools, length: int) -> Lists:
    """Rank the products that are offered, shape (products,), for each customer.

    The list `again` has only products that the customer has bought, `new` only others.
    """
    pairs, others = ranker.score(block)
    new: Singles = np.round(others, PLACES).astype(np.float32)
    new[block.row, block.product] = NOTHING
    new[:, ~offered] = NOTHING
    pairs = np.where(offered[block.product], np.round(pairs, PLACES), NOTHING)
    best = {
        AGAIN: _best_pairs(block, pairs.astype(np.float32), min(length, new.shape[1])),
        NEW: best_of(new, length),
    }
    products = np.hstack([each for each, _ in best.values()])
    scores = np.hstack([each for _, each in best.values()])
    order = np.lexsort((products, -scores), axis=1)[:, :length]
    best[BOTH] = (
        np.take_along_axis(products, order, 1),
        np.take_along_axis(scores, order, 1),
    )
    return Lists(
        {name: each for name, (each, _) in best.items()},
        {name: each for name, (_, each) in best.items()},
    )


def best_of(scores: Singles, length: int) -> tuple[Ints, Singles]:
    """Products and scores of the best in each row; of equal ones the first."""
    count = min(length, scores.shape[1])
    if not count:
        return np.zeros((len(scores), 0), np.int64), scores
    places = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    found = np.take_along_axis(scores, places, 1)
    # Which of the equally bad ones a partition takes is anybody's guess.
    worst = found.min(1, keepdims=True)
    is_cut = (scores >= worst).sum(1) > count
    is_cut &= np.isfinite(worst[:, 0])
    if is_cut.any():
        cut, worst = scores[is_cut], worst[is_cut]
        is_equal = cut == worst
        left = count - (cut > worst).sum(1, keepdims=True)
        kept = (cut > worst) | (is_equal & (np.cumsum(is_equal, axis=1) <= left))
        places[is_cut] = np.nonzero(kept)[1].reshape(-1, count)
        found[is_cut] = np.take_along_axis(cut, places[is_cut], 1)
    order = np.lexsort((places, -found), axis=1)
    return np.take_along_axis(places, order, 1), np.take_along_axis(found, order, 1)


def _best_pairs(block: Block, scores: Singles, count: int) -> tuple[Ints, Singles]:
    """Products and scores of the best pairs of each customer, shape (c, count)."""
    shape = (len(block.customers), count)
    products, best = np.zeros(shape, np.int64), np.full(shape, NOTHING, np.float32)
    order = np.lexsort((block.product, -scores, block.row))
    row = block.row[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(shape[0]))[row]
    kept = place < count
    products[row[kept], place[kept]] = block.product[order][kept]
    best[row[kept], place[kept]] = scores[order][kept]
    return products, best
