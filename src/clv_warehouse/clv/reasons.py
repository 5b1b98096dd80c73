"""What contributes to a forecast, and which reason explanations count it under.

A feature's reason and label stand in customer_features.yml, a ratio's beside its
formula.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from clv_warehouse.clv.feature_set import RATIOS, FeatureSet
from clv_warehouse.project.arrays import Floats
from clv_warehouse.project.features import read_features

# What is expected of the typical customer; all other reasons are added to it.
BASELINE = "baseline"
# What the months ahead change for all customers alike: a reason, and no feature.
SEASON = "season"
SEASON_LABEL = "Time of year"


def contributing(features: FeatureSet) -> tuple[str, ...]:
    """What contributes where a network reads `features`: a name per contribution."""
    return *features.sources, *features.sequences, SEASON


@lru_cache
def catalogue() -> dict[str, tuple[str, str]]:
    """Reason and label of everything that may contribute, by its name."""
    of_features = {each.name: (each.reason, each.label) for each in read_features()}
    of_ratios = {each.name: (each.reason, each.label) for each in RATIOS.values()}
    return of_features | of_ratios | {SEASON: (SEASON, SEASON_LABEL)}


def grouped(names: Iterable[str]) -> tuple[tuple[str, ...], Floats]:
    """Distinct names in order, (k,), and what sums contributions by them, (n, k)."""
    names = tuple(names)
    distinct = tuple(dict.fromkeys(names))
    return distinct, np.array(
        [[name == each for each in distinct] for name in names], dtype=np.float64
    )
