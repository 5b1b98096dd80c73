"""Where the project's files are, and the warehouses that profiles.yml names."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

WAREHOUSES = {"sample": "data/sample.duckdb", "shop": "data/warehouse.duckdb"}


def warehouse_of(target: str) -> Path:
    """The DuckDB file of a target, or the one that CLV_WAREHOUSE names for any."""
    return Path(os.environ.get("CLV_WAREHOUSE", WAREHOUSES[target]))
