"""Turns tables into arrays: customers as of a date, and what they spent afterwards."""

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import md5

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from clv_warehouse.clv.clock import MONTHS, months_of
from clv_warehouse.clv.feature_set import (
    CATEGORY_BITS,
    FORMULA,
    RATIOS,
    FeatureSet,
    current_features,
)
from clv_warehouse.clv.history import History
from clv_warehouse.project.arrays import Floats, Singles

# How many of the last purchases a sequence has.
PURCHASES = 16


@dataclass(frozen=True)
class Customers:
    """Rows of customer_features, shape (m,) each.

    Attributes:
        customer_key: an Arrow array, because a million keys cost too much as objects.
        as_of_date: datetime64[D].
        numbers: float64 of each numeric column, NaN for null, and the code of each
            category.
        features: the features that are inputs, and how.
        sequences: (m, PURCHASES, number of sequences) log of one plus days before and
            amount of the last purchases, the last one last, zeros before the first;
            None where the columns were not read.

    """

    customer_key: pa.Array
    as_of_date: NDArray[np.datetime64]
    numbers: dict[str, Floats]
    features: FeatureSet
    sequences: Singles | None = None

    def __len__(self) -> int:
        return len(self.as_of_date)

    @classmethod
    def from_arrow(
        cls, rows: pa.RecordBatch | pa.Table, features: FeatureSet | None = None
    ) -> "Customers":
        """Read rows of customer_features; KeyError names a missing column.

        `features` are the features to read, by default all; sequences only if `rows`
        has them.
        """
        if features is None:
            features = current_features()

        def column(name: str) -> pa.Array:
            values = rows[name]
            if isinstance(values, pa.ChunkedArray):
                values = values.combine_chunks()
            return values

        return cls(
            column("customer_key"),
            column("as_of_date").to_numpy(zero_copy_only=False).astype("datetime64[D]"),
            {
                name: column(name)
                .cast(pa.float64())
                .to_numpy(zero_copy_only=False)
                .astype(np.float64, copy=False)
                for name in (*features.numbers, FORMULA)
            }
            | {name: category_codes(column(name)) for name in features.categories},
            features,
            _sequences([column(name) for name in features.sequences])
            if features.sequences and features.sequences[0] in rows.schema.names
            else None,
        )

    def take(self, rows: NDArray) -> "Customers":
        """Choose the customers at some places, or where a mask is true."""
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        return Customers(
            self.customer_key.take(pa.array(rows)),
            self.as_of_date[rows],
            {name: values[rows] for name, values in self.numbers.items()},
            self.features,
            None if self.sequences is None else self.sequences[rows],
        )

    @cached_property
    def history(self) -> History:
        """What the prior reads of each customer."""
        return History.from_features(
            self.numbers["frequency"],
            self.numbers["recency_days"],
            self.numbers["tenure_days"],
            self.numbers["amount_mean"],
            self.numbers.get("amount_sd"),
            self.numbers.get("cycle_sd_days"),
            self.as_of_date,
        )

    @cached_property
    def inputs(self) -> Singles:
        """Network inputs, shape (m, len(features.names)).

        Counts, days and amounts have long tails and become sign(x) log(1 + |x|). A
        missing value is 0, and another input says that it is missing. The bits of a
        category are -1 or 1, or 0 without a category. Ratios are logarithms already.
        """
        names = self.features
        inputs = np.empty((len(self), len(names.names)), dtype=np.float32)
        bits = CATEGORY_BITS * len(names.categories)
        widths = (len(names.numbers), len(names.flagged), bits)
        values, missing, codes, ratios = np.split(inputs, np.cumsum(widths), axis=1)
        for place, name in enumerate(names.numbers):
            values[:, place] = self.numbers[name]
        for place, name in enumerate(names.flagged):
            missing[:, place] = np.isnan(self.numbers[name])
        for place, name in enumerate(names.categories):
            start = CATEGORY_BITS * place
            codes[:, start : start + CATEGORY_BITS] = bits_of(self.numbers[name])
        np.nan_to_num(values, copy=False)
        np.copysign(np.log1p(np.abs(values)), values, out=values)
        for place, name in enumerate(names.ratios):
            ratios[:, place] = RATIOS[name].formula(self.numbers)
        return inputs


@dataclass(frozen=True)
class Observations:
    """Customers with a horizon each and, if it is known, what they spent within it.

    Attributes:
        customers: the m customers, each as of a date.
        row: (n,) place in `customers` of each observation.
        horizon_days: (n,) days looked ahead.
        spend: (n,) net spend within the horizon; None if it is to be forecast.
        purchases: (n,) purchase days within it; None likewise.

    """

    customers: Customers
    row: NDArray[np.intp]
    horizon_days: NDArray[np.int64]
    spend: Floats | None = None
    purchases: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def from_arrow(cls, features: pa.Table, targets: pa.Table) -> "Observations":
        """Join rows of customer_features with their targets.

        The result is ordered by date, customer and horizon, whatever the order of the
        tables, so the same data train the same network.
        """
        keys = ["as_of_date", "customer_key"]
        features = features.sort_by([(key, "ascending") for key in keys])
        index = features.select(keys).append_column(
            "row", pa.array(np.arange(len(features)))
        )
        joined = targets.join(index, keys, join_type="inner").sort_by(
            [("row", "ascending"), ("horizon_days", "ascending")]
        )
        return cls(
            Customers.from_arrow(features),
            joined["row"].to_numpy(),
            joined["horizon_days"].to_numpy().astype(np.int64),
            joined["spend"].to_numpy().astype(np.float64),
            joined["purchases"].to_numpy().astype(np.int64),
        )

    def where(self, chosen: NDArray[np.bool_]) -> "Observations":
        """Choose the observations where `chosen` is true."""
        return replace(
            self,
            row=self.row[chosen],
            horizon_days=self.horizon_days[chosen],
            spend=None if self.spend is None else self.spend[chosen],
            purchases=None if self.purchases is None else self.purchases[chosen],
        )

    def known_at(self, date: np.datetime64) -> "Observations":
        """Choose those whose horizon is over by `date`: models may learn from them."""
        return self.where(self.end_date <= date)

    @property
    def buyers(self) -> int:
        """How many customers are known to have spent anything within a horizon."""
        if self.spend is None:
            return 0
        spent = self.row[self.spend > 0]
        return len(pc.unique(self.customers.customer_key.take(pa.array(spent))))

    @property
    def customer_key(self) -> NDArray[np.object_]:
        """Shape (n,)."""
        return self.customers.customer_key.to_numpy(zero_copy_only=False)[self.row]

    @property
    def as_of_date(self) -> NDArray[np.datetime64]:
        """Shape (n,), datetime64[D]."""
        return self.customers.as_of_date[self.row]

    @property
    def end_date(self) -> NDArray[np.datetime64]:
        """Last day of the horizon, shape (n,), datetime64[D]."""
        return self.as_of_date + self.horizon_days

    def column(self, name: str) -> Floats:
        """Return a numeric column of customer_features, shape (n,), NaN for null."""
        return self.customers.numbers[name][self.row]

    @cached_property
    def history(self) -> History:
        """What the prior reads, shape (n,)."""
        return self.customers.history.take(self.row)

    @cached_property
    def calendar(self) -> Singles:
        """Share of the horizon's days in each month of the year, shape (n, 12)."""
        return calendar_shares(self.as_of_date, self.horizon_days)

    @property
    def matrix(self) -> Singles:
        """All inputs of a forecast, shape (n, F): customer, horizon, calendar."""
        horizon = np.log(self.horizon_days).astype(np.float32)[:, None]
        return np.hstack([self.customers.inputs[self.row], horizon, self.calendar])


def _sequences(columns: list[pa.Array]) -> Singles:
    """Turn lists of the last purchases into one array; see Customers.sequences."""
    sequences = np.zeros((len(columns[0]), PURCHASES, len(columns)), dtype=np.float32)
    for place, column in enumerate(columns):
        lengths = np.diff(column.offsets.to_numpy())
        row = np.repeat(np.arange(len(lengths)), lengths)
        back = np.cumsum(lengths)[row] - np.arange(len(row))
        values = column.flatten().to_numpy(zero_copy_only=False)
        recent = back <= PURCHASES
        sequences[row[recent], PURCHASES - back[recent], place] = np.log1p(
            np.maximum(values[recent], 0)
        )
    return sequences


def category_codes(names: pa.Array) -> Floats:
    """Return `CATEGORY_BITS` bits of each name's MD5 as a number, (m,), NaN for null.

    A name has the same code in every shop, on every day and every engine.
    """
    distinct = names.dictionary_encode()
    digests = [
        md5(name.encode(), usedforsecurity=False).hexdigest()
        for name in distinct.dictionary.to_pylist()
    ]
    codes = [int(digest, 16) % (1 << CATEGORY_BITS) for digest in digests]
    of_rows = pa.array(codes, pa.float64()).take(distinct.indices)
    return of_rows.to_numpy(zero_copy_only=False)


def bits_of(codes: Floats) -> Singles:
    """Return -1 or 1 per bit of a category's code, 0 without; (m, CATEGORY_BITS)."""
    return _BITS[np.where(np.isnan(codes), -1, codes).astype(np.intp)]


def _bits() -> Singles:
    """Return the bits of every code, and at the end those of none."""
    codes = np.arange(1 << CATEGORY_BITS)[:, None]
    bits = (codes >> np.arange(CATEGORY_BITS) & 1) * 2 - 1
    return np.append(bits, np.zeros((1, CATEGORY_BITS)), axis=0).astype(np.float32)


_BITS = _bits()


def calendar_shares(dates: NDArray[np.datetime64], horizons: NDArray) -> Singles:
    """Return the share of the next `horizons` days in each month, shape (n, 12)."""
    days = dates.astype("datetime64[D]").astype(np.int64)
    first = days.min(initial=0)
    span = (days - first) * (int(horizons.max(initial=0)) + 1) + horizons
    distinct, row = np.unique(span, return_inverse=True)
    place = np.empty(len(distinct), dtype=np.intp)
    place[row] = np.arange(len(span))
    shares = np.zeros((len(distinct), MONTHS), dtype=np.float32)
    for share, day, horizon in zip(shares, days[place], horizons[place], strict=True):
        window = np.arange(day + 1, day + 1 + horizon).astype("datetime64[D]")
        share += np.bincount(months_of(window), minlength=MONTHS) / horizon
    return shares[row]
