"""The made-up shop that benchmarks run on, as files and as a warehouse."""

import tempfile
from pathlib import Path

from clv_warehouse.benchmarks.harness import Run, run


def make_shop(people: int, cache: Path) -> Path:
    """Make the orders of a shop of so many people, once; return its folder."""
    folder = cache / f"shop_of_{people}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made = Path(scratch) / "shop"
            size = ("--customers", str(people), "--feeds", "orders,order_lines")
            run("scripts/make_shop.py", made, *size)
            made.rename(folder)
    return folder


def load_shop(source: Path, warehouse: Path, connector: str = "folder") -> Run:
    """Load a shop into a warehouse as a person would."""
    return run("scripts/load.py", connector, source, "--warehouse", warehouse)
