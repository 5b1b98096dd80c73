"""Writes what a tool takes, row by row, as a CSV file."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def write_rows(
    path: Path,
    columns: Sequence[str],
    identifiers: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> tuple[int, int]:
    """Write a CSV file; return how many rows it has, and how many name nobody.

    A row in which all of the columns `identifiers` are empty tells the tool nothing and
    is left out.
    """
    places = [columns.index(name) for name in identifiers]
    written = left_out = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            if any(row[place] for place in places):
                writer.writerow(row)
                written += 1
            else:
                left_out += 1
    return written, left_out
