"""Estimates how much customers differ from themselves, whatever their level."""

import numpy as np
from scipy.optimize import brentq

from clv_warehouse.clv.likelihood import REACH, total
from clv_warehouse.project.arrays import Floats

# Fewer customers of several values than this do not show how these vary.
LEAST_CUSTOMERS = 30


def shape_within(
    count: Floats, mean: Floats, spread: Floats, weights: Floats
) -> float | None:
    """Estimate the shape p of a customer's own values; None if too few show it.

    `count`, `mean` and `spread`, (n,), are number, mean and standard deviation of each
    customer's values, `weights` how many customers each row stands for.

    Of n values from one gamma distribution, variance over squared mean is expected to
    be 1 / (p + 1 / n), whatever the mean, because the two are independent. So p solves
    the sum of these over customers, each of whom counts n - 1.
    """
    known = (count > 1) & (mean > 0) & (weights > 0) & np.isfinite(spread)
    if known.sum() < LEAST_CUSTOMERS:
        return None
    count = count[known]
    weights = weights[known] * (count - 1)
    varied = total(weights, (spread[known] / mean[known]) ** 2)

    def missed(log_p: float) -> float:
        return total(weights, 1 / (np.exp(log_p) + 1 / count)) - varied

    low, high = -np.log(REACH), np.log(REACH)
    if missed(low) <= 0:
        return float(np.exp(low))
    if missed(high) >= 0:
        return float(np.exp(high))
    return float(np.exp(brentq(missed, low, high)))
