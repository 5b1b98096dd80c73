"""Turns what is known of customers into columns for a linear model.

A number becomes its place among the customers learned from, from 0 to 1, with a bend at
each quarter, and its value between the first and the last hundredth: so an effect may
rise and fall with it, and extremes do not rule. A text becomes a column per value that
is frequent enough. Whether a value is missing is a column too. All columns have mean 0
and spread 1 over the customers learned from.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.project.arrays import Floats

BENDS = (0.25, 0.5, 0.75)
# Places between these quantiles are interpolated.
QUANTILES = np.linspace(0, 1, 41)
# A value of a text has a column of its own if so large a share of the customers has it.
FREQUENT, MOST_VALUES = 0.01, 20
# What is missing for more customers says too little.
MOST_MISSING = 0.5


@dataclass(frozen=True)
class Column:
    """How one column of a table becomes columns of numbers.

    Attributes:
        name: of the column.
        values: of a text, those with a column of their own; None for a number.
        quantiles: of a number, at QUANTILES; two for one of two values.
        is_missing: whether a column says that the value is missing.

    """

    name: str
    values: list[str] | None
    quantiles: list[float]
    is_missing: bool

    @classmethod
    def of(cls, name: str, values: pa.ChunkedArray) -> Self | None:
        """Describe a column; None where it says nothing."""
        missing = values.null_count / max(len(values), 1)
        if missing > MOST_MISSING or missing == 1:
            return None
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            counts = pc.value_counts(values.drop_null()).to_pylist()
            counts.sort(key=lambda each: (-each["counts"], each["values"]))
            frequent = [
                each["values"]
                for each in counts[:MOST_VALUES]
                if FREQUENT * len(values) <= each["counts"] < len(values)
            ]
            return cls(name, frequent, [], missing > 0) if frequent else None
        known = numbers(values.drop_null())
        low, high = float(known.min()), float(known.max())
        if low == high:
            return cls(name, [], [], True) if missing else None
        if ((known == low) | (known == high)).all():
            return cls(name, None, [low, high], missing > 0)
        return cls(name, None, np.quantile(known, QUANTILES).tolist(), missing > 0)

    def columns(self, values: pa.ChunkedArray) -> list[Floats]:
        """Return the numbers of the column, each of shape (n,)."""
        found = []
        missing = values.is_null().to_numpy().astype(np.float64)
        if self.is_missing:
            found.append(missing)
        if self.values is not None:
            found += [
                pc.fill_null(pc.equal(values, each), False)
                .to_numpy()
                .astype(np.float64)
                for each in self.values
            ]
        elif self.quantiles:
            number = numbers(values)
            number = np.where(missing > 0, np.median(self.quantiles), number)
            if len(self.quantiles) == 2:
                found.append(np.clip(number, self.quantiles[0], self.quantiles[1]))
                return found
            edges, first = np.unique(self.quantiles, return_index=True)
            last = (
                len(QUANTILES)
                - 1
                - np.unique(self.quantiles[::-1], return_index=True)[1]
            )
            # A value that many customers share has their middle place.
            middle = (QUANTILES[first] + QUANTILES[last]) / 2
            place = np.interp(number, edges, middle)
            found.append(place)
            found += [np.maximum(place - bend, 0) for bend in BENDS]
            found.append(np.clip(number, self.quantiles[1], self.quantiles[-2]))
        return found


def numbers(values: pa.ChunkedArray | pa.Array) -> Floats:
    """Return numbers or truths as floats, NaN for null."""
    found = pc.cast(values, pa.float64()) if len(values) else pa.array([], pa.float64())
    return (
        np.asarray(found.to_numpy(zero_copy_only=False), np.float64)
        if isinstance(found, pa.Array)
        else found.to_numpy().astype(np.float64)
    )


@dataclass(frozen=True)
class Basis:
    """The columns that a model reads, with their mean and spread."""

    columns: tuple[Column, ...]
    mean: list[float]
    spread: list[float]

    @classmethod
    def of(cls, known: pa.Table, names: Sequence[str]) -> Self:
        """Learn the basis from some customers."""
        columns = tuple(
            column for name in names if (column := Column.of(name, known[name]))
        )
        raw = _raw(columns, known)
        mean = raw.mean(axis=0) if len(raw) else np.zeros(raw.shape[1])
        spread = raw.std(axis=0) if len(raw) else np.ones(raw.shape[1])
        # A column that is the same for everybody says nothing.
        spread = np.where(spread > 1e-9, spread, np.inf)
        return cls(columns, mean.tolist(), spread.tolist())

    def of_customers(self, known: pa.Table) -> Floats:
        """Return the columns of customers, shape (n, columns)."""
        return (_raw(self.columns, known) - np.array(self.mean)) / np.array(self.spread)

    def to_json(self) -> dict[str, Any]:
        """Describe it as JSON; a column that says nothing has a spread of null."""
        spread = [each if np.isfinite(each) else None for each in self.spread]
        return {
            "columns": [asdict(column) for column in self.columns],
            "mean": self.mean,
            "spread": spread,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        columns = tuple(Column(**column) for column in found["columns"])
        spread = [np.inf if each is None else each for each in found["spread"]]
        return cls(columns, found["mean"], spread)


def _raw(columns: Sequence[Column], known: pa.Table) -> Floats:
    each = [part for column in columns for part in column.columns(known[column.name])]
    return np.column_stack([np.zeros((known.num_rows, 0)), *each])
