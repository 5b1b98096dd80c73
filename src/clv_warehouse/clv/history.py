"""What customers' purchases say as of a date: all that the prior reads of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.project.arrays import Floats

EPOCH = np.datetime64("1970-01-01", "D")


@dataclass(frozen=True, eq=False)
class History:
    """What a customer's purchases say, as of a date; every array has shape (n,).

    Attributes:
        frequency: repeat purchase days: 0 for a customer who bought on one day only.
        recency: days from the first to the last purchase.
        age: days from the first purchase to the as-of date.
        monetary: mean spend of the customer's purchases.
        purchases: how many purchases `monetary` is the mean of. By default all, the
            first included: a customer who bought once has shown a level of spend too.
            Fader & Hardie leave the first one out; for their convention give the mean
            of the repeat purchases and `purchases=frequency`.
        weights: how many customers each row stands for, by default one.
        spread: standard deviation of the spend of the customer's purchases; NaN, the
            default, where it is unknown.
        gap_spread: standard deviation of the days between the customer's purchases;
            NaN, the default, where it is unknown.
        as_of: the as-of date, datetime64[D]; it matters where months differ.

    """

    frequency: Floats
    recency: Floats
    age: Floats
    monetary: Floats
    purchases: Floats
    weights: Floats
    spread: Floats
    gap_spread: Floats
    as_of: NDArray[np.datetime64]

    def __init__(
        self,
        frequency: NDArray,
        recency: NDArray,
        age: NDArray,
        monetary: NDArray,
        purchases: NDArray | None = None,
        weights: NDArray | None = None,
        spread: NDArray | None = None,
        gap_spread: NDArray | None = None,
        as_of: NDArray | np.datetime64 = EPOCH,
    ) -> None:
        """Check the columns against each other and hold them as float64.

        Raises ValueError, naming the column, if a length differs, a value is
        negative or not finite, or a recency exceeds its age.
        """
        repeats = np.asarray(frequency, dtype=np.float64)
        columns = {
            "frequency": repeats,
            "recency": recency,
            "age": age,
            "monetary": monetary,
            "purchases": repeats + 1 if purchases is None else purchases,
            "weights": np.ones_like(repeats) if weights is None else weights,
        }
        for name, values in columns.items():
            column = np.asarray(values, dtype=np.float64)
            if column.shape != repeats.shape or column.ndim != 1:
                raise ValueError(
                    f"{name} has shape {column.shape}, frequency {repeats.shape}: "
                    "give one value per customer"
                )
            wrong = ~(np.isfinite(column) & (column >= 0))
            if wrong.any():
                raise ValueError(
                    f"{name} must be finite and at least 0, found {column[wrong][0]}"
                )
            object.__setattr__(self, name, column)
        unknown = np.full_like(repeats, np.nan)
        object.__setattr__(self, "spread", unknown if spread is None else spread)
        gaps = unknown if gap_spread is None else gap_spread
        object.__setattr__(self, "gap_spread", gaps)
        dates = np.broadcast_to(np.asarray(as_of, "datetime64[D]"), repeats.shape)
        object.__setattr__(self, "as_of", dates)
        late = self.recency > self.age
        if late.any():
            raise ValueError(
                f"recency {self.recency[late][0]} exceeds age {self.age[late][0]}: "
                "a last purchase lies after the as-of date"
            )

    def __len__(self) -> int:
        return len(self.frequency)

    @classmethod
    def from_features(
        cls,
        frequency: NDArray,
        recency_days: NDArray,
        tenure_days: NDArray,
        amount_mean: NDArray,
        amount_sd: NDArray | None = None,
        cycle_sd_days: NDArray | None = None,
        as_of_date: NDArray | np.datetime64 = EPOCH,
        weights: NDArray | None = None,
    ) -> "History":
        """Translate the columns of customer_features, shape (n,) each.

        There `frequency` counts all purchase days, `recency_days` the days since
        the last and `tenure_days` the days since the first.
        """
        purchases = np.asarray(frequency, dtype=np.float64)
        tenure = np.asarray(tenure_days, dtype=np.float64)
        since_last = np.asarray(recency_days, dtype=np.float64)
        return cls(
            frequency=purchases - 1,
            recency=tenure - since_last,
            age=tenure,
            monetary=amount_mean,
            purchases=purchases,
            weights=weights,
            spread=amount_sd,
            gap_spread=cycle_sd_days,
            as_of=as_of_date,
        )

    def take(self, rows: NDArray) -> "History":
        """Choose the customers at some places, or where a mask is true."""
        return History(
            self.frequency[rows],
            self.recency[rows],
            self.age[rows],
            self.monetary[rows],
            self.purchases[rows],
            self.weights[rows],
            self.spread[rows],
            self.gap_spread[rows],
            self.as_of[rows],
        )

    @cached_property
    def first_date(self) -> NDArray[np.datetime64]:
        """The day of the first purchase, shape (n,), datetime64[D]."""
        return self.as_of - self.age.astype(np.int64)


def distinct(*columns: NDArray) -> tuple[Sequence[NDArray], NDArray[np.intp]]:
    """Return the distinct rows of columns of shape (n,), and each row's place there."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, place = np.unique(column, return_inverse=True)
        # Numbering anew after each column keeps the codes below n squared.
        codes, code = np.unique(code * len(values) + place, return_inverse=True)
    first = np.empty(len(codes), dtype=np.intp)
    first[code] = np.arange(len(code))
    return [column[first] for column in columns], code
