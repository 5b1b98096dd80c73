"""Measures on later data how far apart the chances of customers should lie.

A forecast that averages several others is too timid: where the network's members and
the prior disagree, their mean lies nearer to the shop's chance than the truth does.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from clv_warehouse.clv.level import Cells

NEWTON_STEPS = 12
# Larger steps may pass the best sharpness by.
LONGEST_STEP = 0.5


def sharpness_of(
    cells: Cells, bought: NDArray, log_odds: NDArray, spread: float
) -> float:
    """Return by what to multiply differences of log odds within a cell; 1 for nothing.

    `bought` is 0 or 1 and `log_odds` what was forecast, (n,) each. It is the slope of a
    logistic regression with a constant for each cell (Cox 1958, "Two further
    applications of a model for binary regression"), drawn towards 1: over shops and
    dates it is normal around 1 with the standard deviation `spread`. A customer counts
    once, however many cells hold them.
    """

    def total(values: NDArray) -> NDArray:
        return np.bincount(cells.row, values, len(cells.customers))

    log_odds = log_odds.astype(np.float64)
    apart = log_odds - (total(log_odds) / cells.customers)[cells.row]
    once = cells.customers.max() / len(bought)
    sharpness, shift = 1.0, np.zeros(len(cells.customers))
    for _ in range(NEWTON_STEPS):
        chance = expit(sharpness * apart + shift[cells.row])
        weight = chance * (1 - chance)
        of_cell = np.maximum(total(weight), np.finfo(float).tiny)
        mean = total(weight * apart) / of_cell
        slope = ((bought - chance) * (apart - mean[cells.row])).sum()
        curve = (weight * (apart - mean[cells.row]) ** 2).sum()
        step = (once * slope - (sharpness - 1) / spread**2) / (
            once * curve + 1 / spread**2
        )
        step = float(np.clip(step, -LONGEST_STEP, LONGEST_STEP))
        shift += np.clip(total(bought - chance) / of_cell - step * mean, -1, 1)
        sharpness += step
    return sharpness
