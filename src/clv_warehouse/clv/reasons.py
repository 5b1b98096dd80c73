"""Says what contributes to a forecast, and under which reason explanations count it.

customer_features.yml holds the reason and label of a feature; those of a ratio stand
beside its formula.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from clv_warehouse.clv.feature_set import RATIOS, FeatureSet
from clv_warehouse.project.arrays import Floats
from clv_warehouse.project.features import read_features

# The spend expected of the typical customer, to which all reasons add.
BASELINE = "baseline"
# What the months ahead change for all customers alike. It is a reason, not a feature.
SEASON = "season"
SEASON_LABEL = "Time of year"


def contributing(features: FeatureSet) -> tuple[str, ...]:
    """Return the names of what contributes if a network reads `features`."""
    return *features.sources, *features.sequences, SEASON


@lru_cache
def catalogue() -> dict[str, tuple[str, str]]:
    """Return reason and label of everything that may contribute, by name."""
    of_features = {each.name: (each.reason, each.label) for each in read_features()}
    of_ratios = {each.name: (each.reason, each.label) for each in RATIOS.values()}
    return of_features | of_ratios | {SEASON: (SEASON, SEASON_LABEL)}


def grouped(names: Iterable[str]) -> tuple[tuple[str, ...], Floats]:
    """Return distinct names, (k,), and what sums contributions by them, (n, k)."""
    names = tuple(names)
    distinct = tuple(dict.fromkeys(names))
    return distinct, np.array(
        [[name == each for each in distinct] for name in names], dtype=np.float64
    )
