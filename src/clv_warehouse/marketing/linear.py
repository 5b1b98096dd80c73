"""Linear regression whose weights are drawn to 0 as strongly as the data ask for.

The weights are taken to be normal around 0, and what they do not explain to be normal
too. How wide the two are is what makes the data most likely (MacKay 1992, "evidence");
if that is a width of 0, only the mean remains.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits

from clv_warehouse.project.arrays import Floats

# Ratios of the variance unexplained to that of the weights which are tried, over the
# number of rows.
RATIOS = np.append(np.logspace(-4, 3, 57), np.inf)


@dataclass(frozen=True)
class Linear:
    """What is believed of the weights.

    Attributes:
        mean: of the target, where every column is 0.
        mean_variance: how unsure that is.
        weights: shape (k,).
        axes: orthogonal directions of the weights, shape (k, k).
        variances: how unsure the weights are along these, shape (k,).

    """

    mean: float
    mean_variance: float
    weights: Floats
    axes: Floats
    variances: Floats

    @classmethod
    def fit(cls, columns: Floats, target: Floats) -> Self:
        """Fit to `columns` of mean 0, shape (n, k), and `target`, shape (n,)."""
        rows = len(target)
        mean = float(target.mean())
        centred = target - mean
        # Sums of several threads differ in the last digit.
        with threadpool_limits(1):
            sizes, axes = np.linalg.eigh(columns.T @ columns)
            along = axes.T @ (columns.T @ centred)
        sizes = np.maximum(sizes, 0.0)
        total = float(centred @ centred)
        best, chosen, variance = np.inf, np.inf, total / max(rows, 1)
        for ratio in RATIOS * max(rows, 1):
            left = total - float((along**2 / (sizes + ratio)).sum())
            left = max(left, 1e-12 * total, 1e-300)
            unlikely = rows * np.log(left) + float(np.log1p(sizes / ratio).sum())
            if unlikely < best:
                best, chosen, variance = unlikely, float(ratio), left / max(rows, 1)
        return cls(
            mean,
            variance / max(rows, 1),
            axes @ (along / (sizes + chosen)),
            axes,
            variance / (sizes + chosen),
        )

    def predict(self, columns: Floats) -> Floats:
        """Return the expected target, shape (n,)."""
        # Row by row, so that the last digit does not depend on the batch.
        return self.mean + (columns * self.weights).sum(axis=1)

    def error(self, columns: Floats) -> Floats:
        """Return the standard deviation of that expectation, shape (n,)."""
        along = (columns @ self.axes) ** 2
        return np.sqrt(self.mean_variance + (along * self.variances).sum(axis=1))
