"""How far a forecast of money may be off, given how far past ones were."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

# Four fifths of what comes lies within.
SHARE = 0.8


@dataclass(frozen=True)
class Usual:
    """How far forecasts of a kind are off in other shops, before one's own are known.

    Attributes:
        error: the standard deviation of the logarithm of said / spent.
        forecasts: as so many forecasts of the shop itself that counts.

    """

    error: float
    forecasts: float


def half_width_of(mean_square: float, forecasts: float, usual: Usual) -> float:
    """Half the width of the interval of SHARE, as the logarithm of a factor.

    `mean_square` is that of past errors in logs. With the usual one as a start, it is
    the squared scale of Student's t. `forecasts` says for how many it counts: those
    that overlap share what happened.
    """
    weight = usual.forecasts + forecasts
    squares = usual.forecasts * usual.error**2 + forecasts * mean_square
    return float(stdtrit(weight, (1 + SHARE) / 2) * np.sqrt(squares / weight))
