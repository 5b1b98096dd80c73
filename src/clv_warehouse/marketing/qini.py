"""Says whether a ranking of customers by uplift beats chance.

The Qini curve (Radcliffe 2007) goes through customers from the highest predicted effect
to the lowest. After the first k it says how much more those treated among them brought
than the untreated did, per treated customer of all:

    curve(k) = (treated outcome(k) - untreated outcome(k) * treated(k) / untreated(k))
               / treated

A ranking by chance makes a straight line to the average effect. The Qini area is the
area between the curve and that line, over the share of customers from 0 to 1. Where
chances of treatment differ between experiments, a customer counts 1 / chance of the own
arm, times the mean chance of being treated.
"""

from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Ints

# The customers are drawn anew so often, as a bootstrap does, for the area's error.
DRAWS = 200
# Of a normal interval of 99 %. A shop judges a dozen offers anew each month; at 95 %
# chance alone would let a few rankings through each year.
Z = 2.576


@dataclass(frozen=True)
class Qini:
    """The Qini area per treated customer, and its interval of 99 %."""

    area: float
    low: float
    high: float

    @property
    def beats_average(self) -> bool:
        """Whether the ranking is better than none, beyond chance."""
        return self.low > 0


def qini(
    predicted: Floats,
    outcome: Floats,
    is_treated: Bools,
    chance: Floats,
    customer: Ints,
) -> Qini:
    """Return the Qini area of predicted effects, all of shape (n,), with its interval.

    `chance` is that of being treated. Rows of one `customer`, numbered from 0, are
    drawn together; rows of equal prediction are ranked as one. A side that is empty, or
    a prediction that is the same for all, has an area of 0.
    """
    if is_treated.all() or not is_treated.any():
        return Qini(0.0, 0.0, 0.0)
    order = np.argsort(-predicted, kind="stable")
    ranked = predicted[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    if len(last) < 2:
        return Qini(0.0, 0.0, 0.0)
    chance, customer = chance[order], customer[order]
    weight = np.where(is_treated[order], 1 / chance, 1 / (1 - chance))
    args = last, outcome[order], is_treated[order]
    area = _area(*args, weight)
    draw = np.random.default_rng(1)
    drawn = np.array(
        [
            _area(*args, weight * draw.poisson(1.0, customer.max() + 1)[customer])
            for _ in range(DRAWS)
        ]
    )
    error = Z * float(drawn.std(ddof=1))
    return Qini(area, area - error, area + error)


def _area(last: Ints, outcome: Floats, is_treated: Bools, weight: Floats) -> float:
    treated = np.where(is_treated, weight, 0.0)
    others = weight - treated
    people, brought, unpeople, unbrought = (
        np.append(0.0, np.cumsum(values)[last])
        for values in (treated, treated * outcome, others, others * outcome)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        without = np.where(unpeople > 0, unbrought / unpeople, 0.0) * people
    curve = (brought - without) / max(people[-1], 1e-300)
    share = (people + unpeople) / max(people[-1] + unpeople[-1], 1e-300)
    return float(np.trapezoid(curve - share * curve[-1], share))
