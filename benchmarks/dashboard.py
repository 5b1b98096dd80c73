"""Measures the dashboard of a made-up shop: writing it, its size, and opening it.

Opening lasts from asking for the file until Chromium has drawn every chart; the figure
is the median of several. Without Chromium that figure is missing.
"""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.harness import FOLDER, Dbt, Row, call, rows, run
from benchmarks.shop import make_shop_with_accounts
from clv_warehouse.serving.dashboard.browser import (
    chromium,
    find_chromium,
    seconds_until_drawn,
)
from clv_warehouse.serving.dashboard.page import write_dashboard

CUSTOMERS = 20_000
OPENINGS = 5


def benchmark(customers: Sequence[int], folder: Path = FOLDER) -> Iterator[Row]:
    """Measure the page at each number of customers."""
    for count in sorted(customers):
        shop = make_shop_with_accounts(count, folder / "cache")
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            dbt = Dbt(Path(scratch) / "warehouse.duckdb")
            place = ("--warehouse", dbt.warehouse)
            run("scripts/load.py", "folder", shop, "--in-place", *place)
            dbt("seed", "--select", "reference")
            dbt("run")
            page = Path(scratch) / "dashboard.html"
            written = call(write, dbt.warehouse, page)
            measures = written.cost | {"page_mb": page.stat().st_size / 1e6}
            if find_chromium():
                measures["seconds_to_open"] = call(seconds_to_open, page).value
            yield from rows(f"{count:,} customers", "dashboard", measures)


def write(warehouse: str, page: str) -> None:
    """Write the dashboard."""
    write_dashboard(Path(warehouse), Path(page), is_forced=True)


def seconds_to_open(page: str) -> float:
    """From asking for the page until its charts are drawn."""
    with chromium() as browser:
        seconds = []
        for _ in range(OPENINGS):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(Path(page).as_uri())
            seconds.append(seconds_until_drawn(tab))
            tab.close()
    return statistics.median(seconds)
