"""Loads small invented exports, for the tests of the connectors that read them."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from clv_warehouse.loading.connectors import CONNECTORS
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.loading.load import load
from clv_warehouse.project.report import Report


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
    """The tables of schema raw that a connector filled, and what it reported."""

    def __init__(self, connector: str, source: Path) -> None:
        self.reported: list[str] = []
        warehouse = source.parent / f"{source.stem}.duckdb"
        self._load(connector, source, warehouse, self.reported.append)
        self.warehouse = warehouse

    @staticmethod
    def _load(connector: str, source: Path, warehouse: Path, report: Report) -> None:
        load(CONNECTORS[connector], source, warehouse, read_feeds(), report)

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
