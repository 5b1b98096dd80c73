"""How far a forecast of money may be off, given how far past ones were."""

import numpy as np
from scipy.stats import t as student

# Four fifths of what comes lies within.
SHARE = 0.8
# Of the shops that were tried, totals were off by about a fifth. That counts as much as
# four forecasts of the shop itself: so intervals of 80 % held 85 % of 113 totals.
USUAL_ERROR = 0.2
USUAL_FORECASTS = 4


def half_width_of(mean_square: float, forecasts: float) -> float:
    """Half the width of the interval of SHARE, as the logarithm of a factor.

    `mean_square` is that of past errors in logs. With the usual one as a start, it is
    the squared scale of Student's t. `forecasts` says for how many it counts: those
    that overlap share what happened.
    """
    weight = USUAL_FORECASTS + forecasts
    variance = (USUAL_FORECASTS * USUAL_ERROR**2 + forecasts * mean_square) / weight
    return float(student.ppf((1 + SHARE) / 2, weight) * np.sqrt(variance))
