"""Boosted trees: the chance of something, from numbers that only together say it.

scikit-learn grows them, and this module scores with numpy alone. Each number becomes a
code, its place among the values at which trees part. A code leaves some of a tree's
leaves open; the leaf that all numbers leave open is the tree's answer. This is the idea
of QuickScorer (Lucchese et al. 2015): no branches, whatever a tree's depth.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from clv_warehouse.project.arrays import Bools, Singles

# As many leaves as a byte has bits.
LEAVES = 8
TREES = 120
# Values by which a number is told apart before trees grow.
CODES = 64
BATCH_ROWS = 1 << 12


@dataclass(frozen=True)
class Trees:
    """Log-odds as a sum over trees.

    Attributes:
        edges: values at which trees part each number, rising, infinite where a number
            has fewer, shape (k, CODES - 1).
        open: the leaves of each tree that a number's code leaves open, a bit each,
            shape (k, CODES, trees).
        leaves: what each leaf adds, shape (trees, LEAVES).
        intercept: the log-odds before all trees.

    """

    edges: Singles
    open: NDArray[np.uint8]
    leaves: Singles
    intercept: float

    @classmethod
    def fit(cls, numbers: Singles, happened: Bools, fewest: int) -> Self:
        """Fit to `numbers` of shape (n, k), none missing, and `happened`, shape (n,).

        A leaf has `fewest` cases at least.
        """
        # Imported late: what scores does not learn.
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            learning_rate=0.08,
            max_iter=TREES,
            max_leaf_nodes=LEAVES,
            min_samples_leaf=fewest,
            l2_regularization=10,
            max_bins=CODES,
            early_stopping=False,
            random_state=0,
        )
        # Sums of several threads differ in the last digit.
        with threadpool_limits(1):
            model.fit(numbers.astype(np.float32), happened)
        return cls.of(model, numbers.shape[1])

    @classmethod
    def of(cls, model: Any, count: int) -> Self:
        """Read a fitted HistGradientBoostingClassifier of so many numbers."""
        trees = [tree.nodes for (tree,) in model._predictors]
        parts: list[set[float]] = [set() for _ in range(count)]
        for nodes in trees:
            for node in nodes[nodes["is_leaf"] == 0]:
                parts[node["feature_idx"]].add(_below(node["num_threshold"]))
        edges = np.full((count, CODES - 1), np.inf, np.float32)
        for number, each in enumerate(parts):
            edges[number, : len(each)] = sorted(each)
        open_ = np.full((count, CODES, len(trees)), 255, np.uint8)
        leaves = np.zeros((len(trees), LEAVES), np.float32)
        for place, nodes in enumerate(trees):
            _read(nodes, 0, 0, edges, open_[:, :, place], leaves[place])
        return cls(edges, open_, leaves, float(model._baseline_prediction[0, 0]))

    def log_odds(self, numbers: Singles) -> Singles:
        """Return the log-odds of numbers (n, k), shape (n,)."""
        found = np.full(len(numbers), self.intercept, np.float32)
        trees = len(self.leaves)
        # By tree and byte with one bit: what the leaf of that bit adds.
        of_bits = np.zeros((trees, 256), np.float32)
        of_bits[:, 1 << np.arange(LEAVES)] = self.leaves
        added, first = of_bits.ravel(), np.arange(trees, dtype=np.int32) * 256
        used = [place for place, each in enumerate(self.edges) if np.isfinite(each[0])]
        for start in range(0, len(numbers) if trees else 0, BATCH_ROWS):
            batch = numbers[start : start + BATCH_ROWS].astype(np.float32)
            reached = np.full((len(batch), trees), 255, np.uint8)
            for place in used:
                code = np.searchsorted(self.edges[place], batch[:, place])
                reached &= self.open[place][code]
            found[start : start + BATCH_ROWS] += added[reached + first].sum(1)
        return found

    def to_arrays(self) -> dict[str, Any]:
        """Return what `from_arrays` reads."""
        return {
            "edges": self.edges,
            "open": self.open,
            "leaves": self.leaves,
            "intercept": np.array(self.intercept),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any]) -> Self:
        """Read them; raises KeyError where one is missing."""
        return cls(
            arrays["edges"],
            arrays["open"],
            arrays["leaves"],
            float(arrays["intercept"]),
        )


def _below(threshold: float) -> float:
    """The largest number of 32 bits that is not above a threshold."""
    found = np.float32(threshold)
    if float(found) > threshold:
        found = np.nextafter(found, np.float32(-np.inf))
    return float(found)


def _read(
    nodes: Any,
    node: int,
    leaf: int,
    edges: Singles,
    open_: NDArray[np.uint8],
    leaves: Singles,
) -> int:
    """Read a node and all below it, from a leaf on; return the leaf after them."""
    each = nodes[node]
    if each["is_leaf"]:
        leaves[leaf] = each["value"]
        return leaf + 1
    middle = _read(nodes, int(each["left"]), leaf, edges, open_, leaves)
    end = _read(nodes, int(each["right"]), middle, edges, open_, leaves)
    number = each["feature_idx"]
    part = int(np.searchsorted(edges[number], _below(each["num_threshold"])))
    left, right = _bits(leaf, middle), _bits(middle, end)
    open_[number, : part + 1] &= ~right
    open_[number, part + 1 :] &= ~left
    return end


def _bits(start: int, end: int) -> np.uint8:
    return np.uint8((1 << end) - (1 << start))
