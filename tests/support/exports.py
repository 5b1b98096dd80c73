"""Loads small invented exports, for the tests of the connectors that read them."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from clv_warehouse.loading.connectors import CONNECTORS
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.load import load


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as CSV; a column that a row lacks is empty there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


class Loaded:
    """The tables of schema raw that a connector filled, with what was said of them."""

    def __init__(self, connector: str, source: Path) -> None:
        self.reported: list[str] = []
        self.warehouse = source.parent / f"{source.stem}_loaded.duckdb"
        report = self.reported.append
        found = load(
            CONNECTORS[connector], source, self.warehouse, read_feeds(), report
        ).findings
        self.doubts = [doubt.text for doubt in found.doubts]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query, with its numbers as floats and its times as text in UTC."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            found = connection.sql(query)
            kinds = dict(zip(found.columns, map(str, found.types), strict=True))
            select = ", ".join(_plain(name, kind) for name, kind in kinds.items())
            return connection.sql(f"select {select} from found").fetchall()


def _plain(name: str, kind: str) -> str:
    if kind.startswith("DECIMAL"):
        return f'cast("{name}" as double)'
    if kind.startswith("TIMESTAMP"):
        return f"strftime(\"{name}\", '%Y-%m-%d %H:%M:%S')"
    return f'"{name}"'
