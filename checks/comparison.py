"""Compares tables of two engines row by row."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import duckdb
import pyarrow as pa


@dataclass(frozen=True)
class Difference:
    """A place where two tables are not the same."""

    column: str
    expected: Any
    found: Any
    row: tuple

    def __str__(self) -> str:
        return f"{self.column}: {self.expected!r}, but {self.found!r}, in {self.row}"


@dataclass(frozen=True)
class Tolerance:
    """How far apart two numbers may be and still count as the same.

    Attributes:
        share: for floating-point numbers, as a share of their size, or of one if they
            are smaller.
        last_digits: for decimals, as a multiple of their last digit.

    """

    share: float
    last_digits: int = 0


def differences(
    expected: pa.Table, found: pa.Table, tolerance_of: Callable[[str], Tolerance]
) -> list[Difference]:
    """Compare two tables' rows, in whatever order they come.

    Rows are paired in the order of their values, floating-point numbers and lists last.
    `tolerance_of` says of a column how far its numbers may differ; everything else must
    be the same.
    """
    names = expected.column_names
    if names != found.column_names:
        return [Difference("all columns", names, found.column_names, ())]
    if len(expected) != len(found):
        return [Difference("number of rows", len(expected), len(found), ())]
    expected, found = without_equal_rows(expected, found)
    in_order = sorted(names, key=lambda name: _is_inexact(expected[name].type))
    pairs = zip(_rows(expected, in_order), _rows(found, in_order), strict=True)
    return [
        Difference(name, mine, theirs, one)
        for one, other in pairs
        for name, mine, theirs in zip(in_order, one, other, strict=True)
        if not same(mine, theirs, tolerance_of(name))
    ]


def without_equal_rows(one: pa.Table, other: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Leave out rows that both tables have, each as often as both have it."""
    if one.schema.types != other.schema.types:
        return one, other
    with duckdb.connect() as connection:
        connection.register("one", one)
        connection.register("other", other)
        return (
            connection.sql("from one except all from other").to_arrow_table(),
            connection.sql("from other except all from one").to_arrow_table(),
        )


def same(mine: Any, theirs: Any, tolerance: Tolerance) -> bool:
    """Whether two values are the same, numbers within a tolerance."""
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(
            same(one, other, tolerance) for one, other in zip(mine, theirs, strict=True)
        )
    if isinstance(mine, float) and isinstance(theirs, float):
        return abs(mine - theirs) <= tolerance.share * max(1, abs(mine), abs(theirs))
    if isinstance(mine, Decimal) and isinstance(theirs, Decimal):
        digit = Decimal(1).scaleb(int(mine.as_tuple().exponent))
        return abs(mine - theirs) <= tolerance.last_digits * digit
    return type(mine) is type(theirs) and mine == theirs


def _is_inexact(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_list(kind)


def _rows(table: pa.Table, names: Sequence[str]) -> list[tuple]:
    """Rows in the order of their values, nulls first."""
    columns = [
        [_plain(name, value) for value in table[name].to_pylist()] for name in names
    ]
    return sorted(
        zip(*columns, strict=True),
        key=lambda row: [(value is not None, value) for value in row],
    )


def _plain(name: str, value: Any) -> Any:
    """A value as engines mean it: a timestamp without zone, JSON as its content."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if name == "record" and value is not None:
        content = json.loads(value, parse_float=str, parse_int=str)
        return sorted((key, _number(text)) for key, text in content.items())
    return value


def _number(text: str | None) -> str:
    """A text of JSON, in which a number may stand with or without quotes."""
    try:
        return str(Decimal(text or "").normalize())
    except InvalidOperation:
        return repr(text)
