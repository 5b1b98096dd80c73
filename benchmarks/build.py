"""Measures a whole build on Online Retail II: with training, then only scoring."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.data import DATA, ONLINE_RETAIL_II, absent
from benchmarks.harness import FOLDER, Dbt, Row, rows
from benchmarks.shop import load_shop

SOURCE = DATA / ONLINE_RETAIL_II
CONNECTOR = "online-retail-ii"


def benchmark(source: Path = SOURCE, folder: Path = FOLDER) -> Iterator[Row]:
    """Measure two builds, one after another; nothing where the data are absent."""
    if not source.exists():
        print(f"{absent(source)}. There is no build to measure.")
        return
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        dbt = Dbt(Path(scratch) / "shop.duckdb")
        loaded = load_shop(source, dbt.warehouse, CONNECTOR)
        yield Row("load", "clv_warehouse", "process_seconds", loaded.seconds)
        for case in ("first build", "second build"):
            yield from rows(case, "clv_warehouse", dbt("build").cost)
            yield from rows(case, "clv_warehouse", dbt.slowest_models())
