"""Measures on later data how far apart the forecasts of customers should lie.

A forecast that averages several others is too timid: where the network's members and
the prior disagree, their mean lies nearer to the shop's mean than the truth does.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from clv_warehouse.clv.level import Cells

NEWTON_STEPS = 12
# Larger steps may pass the best sharpness by.
LONGEST_STEP = 0.5
# How the likelihood of what came rises with an output, and how sharply it bends, by
# what came and the output, (n,) each.
Slopes = Callable[[NDArray, NDArray], tuple[NDArray, NDArray]]


def of_chance(bought: NDArray, log_odds: NDArray) -> tuple[NDArray, NDArray]:
    """Slopes of the likelihood of a purchase, 0 or 1, in its log odds."""
    chance = expit(log_odds)
    return bought - chance, chance * (1 - chance)


def of_spend(spend: NDArray, log_mean: NDArray) -> tuple[NDArray, NDArray]:
    """Slopes of Tweedie's likelihood with power 1.5 (losses.py) in the log mean."""
    root = np.exp(0.5 * log_mean)
    return spend / root - root, root


def sharpness_of(
    cells: Cells, came: NDArray, outputs: NDArray, slopes: Slopes, spread: float
) -> float:
    """Return by what to multiply the outputs' differences within a cell; 1 for nothing.

    `came` is what was forecast by `outputs`, (n,) each. The result is the slope of a
    regression with a constant for each cell (Cox 1958, "Two further applications of a
    model for binary regression"), drawn towards 1: over shops and dates it is normal
    around 1 with the standard deviation `spread`. A customer counts once, however many
    cells hold them.
    """

    def total(values: NDArray) -> NDArray:
        return np.bincount(cells.row, values, len(cells.customers))

    outputs = outputs.astype(np.float64)
    apart = outputs - (total(outputs) / cells.customers)[cells.row]
    once = cells.customers.max() / len(came)
    sharpness, shift = 1.0, total(outputs) / cells.customers
    tiny = np.finfo(float).tiny
    for _ in range(NEWTON_STEPS):
        slope, weight = slopes(came, sharpness * apart + shift[cells.row])
        of_cell = np.maximum(total(weight), tiny)
        mean = total(weight * apart) / of_cell
        off = apart - mean[cells.row]
        # Spend is spread wider than the likelihood takes for granted.
        excess = max(float(np.mean(slope**2 / np.maximum(weight, tiny))), 1.0)
        step = (once * (slope * off).sum() / excess - (sharpness - 1) / spread**2) / (
            once * (weight * off**2).sum() / excess + 1 / spread**2
        )
        step = float(np.clip(step, -LONGEST_STEP, LONGEST_STEP))
        shift += np.clip(total(slope) / of_cell - step * mean, -1, 1)
        sharpness += step
    return sharpness
