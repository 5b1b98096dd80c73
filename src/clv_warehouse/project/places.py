"""Where the project's files are, and the warehouses that profiles.yml names.

What a command takes by default is in the project, from whatever folder the command is
given. What a person types, or sets in the environment, is read from the current folder.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

WAREHOUSES = {"sample": "data/sample.duckdb", "shop": "data/warehouse.duckdb"}


def in_project(*parts: str | Path) -> Path:
    """A path in the project; relative, as people write it, if that leads there."""
    path = ROOT.joinpath(*parts)
    is_short = Path.cwd() == ROOT and path.is_relative_to(ROOT)
    return path.relative_to(ROOT) if is_short else path


def warehouse_of(target: str) -> Path:
    """The DuckDB file of a target, or the one that CLV_WAREHOUSE names for any."""
    chosen = os.environ.get("CLV_WAREHOUSE")
    return Path(chosen) if chosen else in_project(WAREHOUSES[target])


def vault_of(warehouse: Path) -> Path:
    """The file beside a warehouse that has its customers' names and addresses."""
    return warehouse.with_name(f"{warehouse.name.removesuffix('.duckdb')}.vault.duckdb")


def backup_of(target: str) -> Path:
    """Where memory.py keeps what a target's tables remember, unless told otherwise."""
    return in_project("data", f"memory-{target}.duckdb")


def manifest() -> Path:
    """What dbt wrote of the project; dbt too reads DBT_TARGET_PATH from the project."""
    return in_project(os.environ.get("DBT_TARGET_PATH") or "target", "manifest.json")
