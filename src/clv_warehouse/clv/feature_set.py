"""Says which features a network reads, and which inputs it makes of them.

Counts, days and amounts are inputs themselves. Further inputs are ratios between them,
which a network would have to find out, flags for missing values, and the bits of a
category.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from clv_warehouse.project.arrays import Floats
from clv_warehouse.project.features import read_features

KEYS = ("customer_key", "as_of_date")
# No input, because it follows from other features; it is a forecast to compare with.
FORMULA = "formula_value"
# A category enters as so many bits of its name's hash, because shops differ in their
# channels and a network's inputs must not. Two of a dozen channels share all bits in
# one of 60 shops.
CATEGORY_BITS = 12

Numbers = Mapping[str, Floats]


@dataclass(frozen=True)
class Ratio:
    """An input that compares one feature with another.

    Attributes:
        name: name of the input.
        reason: the code in clv_reasons under which explanations count it.
        label: what people call it.
        formula: computes it from the numeric features, shape (m,) each, NaN for null.

    """

    name: str
    reason: str
    label: str
    formula: Callable[[Numbers], Floats]


def _recency(of: Numbers) -> Floats:
    return of["recency_days"] + 1


def _tenure(of: Numbers) -> Floats:
    return of["tenure_days"] + 1


def _cycle(of: Numbers) -> Floats:
    return np.maximum(np.nan_to_num(of["cycle_days"], nan=np.inf), 1)


def _rate(of: Numbers, spend: str, days: Floats | float) -> Floats:
    """Return the log of the spend per day.

    It adds a tenth of a purchase, so that customers without spend have a logarithm.
    """
    return np.log((np.maximum(of[spend], 0) + of["amount_mean"] / 10) / days)


def _year_rate(of: Numbers) -> Floats:
    return _rate(of, "spend_365d", np.minimum(_tenure(of), 365))


def _trend(days: int) -> Ratio:
    """Compare the spend per day of the last days with that of the last year."""
    return Ratio(
        f"spend_trend_{days}d",
        "how_recently",
        f"Spend of the last {days} days, to that of a year",
        lambda of: _rate(of, f"spend_{days}d", days) - _year_rate(of),
    )


def _spread(deviation: str, mean: Callable[[Numbers], Floats]) -> Callable:
    return lambda of: np.log1p(np.nan_to_num(of[deviation]) / mean(of))


def _per_purchase(count: str) -> Callable:
    return lambda of: np.log1p(np.maximum(of[count], 0) / of["frequency"])


RATIOS = {
    ratio.name: ratio
    for ratio in (
        Ratio(
            "recency_to_cycle",
            "how_recently",
            "Days since the last purchase, to the usual gap",
            lambda of: np.log1p(_recency(of) / _cycle(of)),
        ),
        Ratio(
            "recency_to_tenure",
            "how_recently",
            "Days since the last purchase, to those since the first",
            lambda of: _recency(of) / _tenure(of),
        ),
        Ratio(
            "last_to_mean_amount",
            "how_much",
            "Spend of the last purchase, to the mean",
            lambda of: np.log(
                np.maximum(of["amount_last"], of["amount_mean"] / 100)
                / of["amount_mean"]
            ),
        ),
        Ratio(
            "max_to_mean_amount",
            "how_much",
            "Spend of the largest purchase, to the mean",
            lambda of: np.log(
                np.maximum(of["amount_max"], of["amount_mean"]) / of["amount_mean"]
            ),
        ),
        Ratio(
            "returned_share",
            "returns",
            "Share of spend that was returned",
            lambda of: np.minimum(
                of["returned_amount"] / (of["amount_mean"] * of["frequency"]), 1
            ),
        ),
        _trend(30),
        _trend(90),
        _trend(180),
        Ratio("spend_rate_365d", "how_much", "Spend per day of the year", _year_rate),
        Ratio(
            "spend_rate",
            "how_much",
            "Spend per day since the first purchase",
            lambda of: _rate(of, "past_spend", _tenure(of)),
        ),
        Ratio(
            "cycle_variation",
            "rhythm",
            "Spread of the gaps between purchases, to their mean",
            _spread("cycle_sd_days", _cycle),
        ),
        Ratio(
            "amount_variation",
            "how_much",
            "Spread of spend per purchase, to the mean",
            _spread("amount_sd", lambda of: of["amount_mean"]),
        ),
        Ratio(
            "items_per_purchase",
            "breadth",
            "Pieces per purchase",
            _per_purchase("items"),
        ),
        Ratio(
            "products_per_purchase",
            "breadth",
            "Different products per purchase",
            _per_purchase("distinct_products"),
        ),
    )
}


class OtherInputsError(ValueError):
    """A network was trained on a feature that the project no longer has."""


@dataclass(frozen=True)
class FeatureSet:
    """The features that a network reads; they are stored with it and stay.

    Attributes:
        numbers: numeric columns of customer_features.
        flagged: those of them with an input that says whether the value is missing.
        categories: columns whose values are names.
        ratios: names in RATIOS.
        sequences: columns with a value for each of the last purchases.

    """

    numbers: tuple[str, ...]
    flagged: tuple[str, ...]
    categories: tuple[str, ...]
    ratios: tuple[str, ...]
    sequences: tuple[str, ...]

    @classmethod
    def from_json(cls, lists: Mapping[str, list[str]]) -> "FeatureSet":
        """Make a set of what `dataclasses.asdict` gave.

        Raises OtherInputsError if the project no longer has one of its features.
        """
        found = cls(**{name: tuple(names) for name, names in lists.items()})
        now = current_features()
        gone = {*found.columns, *found.ratios} - {*now.columns, *now.ratios}
        if gone:
            raise OtherInputsError(
                f"reads {', '.join(sorted(gone))}, which customers no longer have"
            )
        return found

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of customer_features to read."""
        return *KEYS, *self.numbers, *self.categories, FORMULA, *self.sequences

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs of a customer, except sequences."""
        return (
            *self.numbers,
            *(f"{name}_is_missing" for name in self.flagged),
            *(f"{name}_{bit}" for name in self.categories for bit in _bits()),
            *self.ratios,
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """The feature or ratio that each of `names` belongs to."""
        return (
            *self.numbers,
            *self.flagged,
            *(name for name in self.categories for _ in _bits()),
            *self.ratios,
        )

    @property
    def without_sequences(self) -> "FeatureSet":
        """Return the same without sequences, for networks that do not read them."""
        return replace(self, sequences=())


def _bits() -> range:
    return range(CATEGORY_BITS)


@lru_cache
def current_features() -> FeatureSet:
    """Return all features that customer_features.yml describes, and all ratios."""
    features = read_features()
    numbers = [each for each in features if not each.is_category | each.is_sequence]
    flagged = [each for each in numbers if each.is_nullable and not each.null_with]

    def names(chosen: Any) -> tuple[str, ...]:
        return tuple(feature.name for feature in chosen)

    return FeatureSet(
        names(numbers),
        names(flagged),
        names(each for each in features if each.is_category),
        tuple(RATIOS),
        names(each for each in features if each.is_sequence),
    )
