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
    again = np.full_like(new, NOTHING)
    again[block.row, block.product] = np.round(pairs, PLACES)
    new[block.row, block.product] = NOTHING
    again[:, ~offered] = new[:, ~offered] = NOTHING
    best = {AGAIN: best_of(again, length), NEW: best_of(new, length)}
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
    order = np.lexsort((places, -found), axis=1)
    return np.take_along_axis(places, order, 1), np.take_along_axis(found, order, 1)
