"""Keeps the recommenders that were learned, and decides which one ranks."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning import acceptance
from clv_warehouse.learning.acceptance import Decision, Loss, Measures, Rule
from clv_warehouse.learning.logistic import Logistic
from clv_warehouse.learning.registry import Stored, newest_read
from clv_warehouse.learning.trees import Trees
from clv_warehouse.project.arrays import Singles
from clv_warehouse.recommendations.neighbours import GraphFilter
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.rankers import (
    LEARNED,
    SIMPLE,
    WITH_TASTE,
    WITH_VIEWS,
    Learned,
    Likelihood,
)


def _loss(measure: float) -> float:
    return 1 / max(measure, 1e-6)


# The recommender replaces what learns nothing if its list `both` is better: recall and
# NDCG together. It must not be a tenth worse in either.
RULE = Rule(
    SIMPLE,
    (
        Loss("recall", "recall", _loss, "{:.3f} against {:.3f}"),
        Loss("ndcg", "order", _loss, "NDCG {:.3f} against {:.3f}"),
    ),
    tolerance=0.0,
    most=1.1,
)


@dataclass(frozen=True)
class Accepted:
    """A recommender that ranks.

    Attributes:
        version: its name among the trainings.
        ranker: how it weighs signals.
        weights: item-to-item weights of the products it knew, (products, products), or
            singular vectors of them, (rank, products).
        product_ids: these products.
        sources: how much vectors of products count beside their words, by source.

    """

    version: str
    ranker: Learned
    weights: sp.csr_matrix | Singles
    product_ids: pa.Array
    sources: Mapping[str, float]

    def weights_for(self, purchases: Purchases) -> sp.csr_matrix | GraphFilter:
        """Return the weights for today's products; those it did not know have none."""
        places = pc.index_in(self.product_ids, purchases.product_ids).fill_null(-1)
        place = places.to_numpy(zero_copy_only=False)
        products = len(purchases.product_ids)
        if isinstance(self.weights, np.ndarray):
            vectors = np.zeros((len(self.weights), products), np.float32)
            vectors[:, place[place >= 0]] = self.weights[:, place >= 0]
            return GraphFilter.of(purchases.touched, vectors)
        cells = self.weights.tocoo()
        rows, columns = place[cells.row], place[cells.col]
        kept = (rows >= 0) & (columns >= 0)
        return sp.csr_matrix(
            (cells.data[kept], (rows[kept], columns[kept])), (products, products)
        )


def to_bytes(
    ranker: Learned,
    weights: sp.csr_matrix | GraphFilter,
    product_ids: pa.Array,
    sources: Mapping[str, float],
) -> bytes:
    """Return a recommender as an npz archive."""
    file = io.BytesIO()
    # Half the digits rank as well and take half the room.
    parts: dict[str, Any]
    if isinstance(weights, GraphFilter):
        parts = {"vectors": weights.vectors.astype(np.float16)}
    else:
        parts = {
            "weights": weights.data.astype(np.float16),
            "indices": weights.indices.astype(np.int32),
            "indptr": weights.indptr.astype(np.int64),
        }
    np.savez_compressed(
        file,
        **_arrays("again", ranker.again),
        **_arrays("new", ranker.new),
        reads_taste=np.array(ranker.reads_taste),
        reads_views=np.array(ranker.reads_views),
        product_ids=np.frombuffer(
            json.dumps(product_ids.to_pylist()).encode(), np.uint8
        ),
        sources=np.frombuffer(json.dumps(sources).encode(), np.uint8),
        **parts,
    )
    return file.getvalue()


def _arrays(name: str, likelihood: Likelihood) -> dict[str, Any]:
    weights, trees = likelihood.regression, likelihood.trees
    of_trees = trees.to_arrays() if trees else {}
    return {
        name: np.append(weights.weights, weights.intercept),
        **{f"{name}_trees_{part}": each for part, each in of_trees.items()},
    }


def _likelihood(name: str, found: Mapping[str, Any]) -> Likelihood:
    weights, start = found[name], f"{name}_trees_"
    of_trees = {
        part.removeprefix(start): found[part]
        for part in found
        if part.startswith(start)
    }
    return Likelihood(
        Logistic(weights[:-1], float(weights[-1])),
        Trees.from_arrays(of_trees) if of_trees else None,
    )


def from_stored(stored: Stored) -> Accepted:
    """Read a recommender; raises ValueError or KeyError if it cannot be read."""
    with np.load(io.BytesIO(stored.weights)) as found:
        ids = pa.array(json.loads(found["product_ids"].tobytes()), pa.string())
        sources = {}
        if "sources" in found:
            sources = json.loads(found["sources"].tobytes())
        weights: sp.csr_matrix | Singles
        if "vectors" in found:
            weights = found["vectors"].astype(np.float32)
        else:
            weights = sp.csr_matrix(
                (
                    found["weights"].astype(np.float32),
                    found["indices"],
                    found["indptr"],
                ),
                (len(ids), len(ids)),
            )
        again, new = _likelihood("again", found), _likelihood("new", found)
        reads_taste, reads_views = (
            bool(found[name]) if name in found else False
            for name in ("reads_taste", "reads_views")
        )
    ranker = Learned(again, new, reads_taste, reads_views)
    return Accepted(stored.version, ranker, weights, ids, sources)


def last_accepted(recommenders: Relation, day: date) -> Accepted | None:
    """Return the recommender that ranks as of a day; None if what learns nothing does.

    One that is not the one that was judged does not rank: the last one that is does so
    in its place.
    """
    return newest_read(LEARNED, recommenders, day, from_stored)


def mean_measures(cases: Sequence[Measures]) -> Measures:
    """Mean of each measure over judged cases, by model."""
    return acceptance.mean_measures(cases, (), {})


def decide(cases: Sequence[Measures]) -> tuple[Decision, str]:
    """Return whether a recommender may rank, and why, and the name of the best.

    That is the one which reads views if it was better with them in these cases, and the
    one which reads tastes if it was better still.
    """
    name = LEARNED
    for other in (WITH_VIEWS, WITH_TASTE):
        rule = replace(RULE, rival=name)
        if acceptance.decide(other, cases, rule).is_accepted:
            name = other
    return acceptance.decide(name, cases, RULE), name
