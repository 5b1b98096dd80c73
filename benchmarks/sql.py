"""Measures the SQL models beside hand-written SQL and beside pandas.

All three start from the same raw tables. The hand-written SQL must make the same
orders, days, features and targets, with keys of customers and masked texts; pandas must
make the same features of the scoring date. The project's models make more than these:
rejected records with their reasons, refunds, dimensions, warnings and money checks, and
a table for each feed that the shop lacks.
"""

import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import floor, pandas_features
from benchmarks.comparison import differences
from benchmarks.harness import FOLDER, Dbt, Row, call, rows
from benchmarks.shop import load_shop, make_shop

# Of the made-up shop, whose size is asked for in people.
LINES_PER_PERSON = 10.75
SYSTEMS = {
    "floor": floor.make_features,
    "pandas": pandas_features.make_features,
}
RATIOS = {"seconds": "ratio_to_floor", "cpu_seconds": "cpu_ratio_to_floor"}
MOST_LINES_IN_PANDAS = 1_000_000


def benchmark(
    lines: Sequence[int],
    pandas_lines: int = MOST_LINES_IN_PANDAS,
    folder: Path = FOLDER,
) -> Iterator[Row]:
    """Measure all systems at each number of order lines; pandas up to its own.

    Raises RuntimeError if two systems make different features.
    """
    seconds: dict[str, list[tuple[int, float]]] = {}
    for size in sorted(lines):
        case = f"{size:,} lines"
        shop = make_shop(max(1, round(size / LINES_PER_PERSON)), folder / "cache")
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            warehouse = Path(scratch) / "shop.duckdb"
            loaded = load_shop(shop, warehouse)
            yield Row(case, "clv_warehouse", "load_seconds", loaded.seconds)
            costs = {}
            for system, function in SYSTEMS.items():
                if system != "pandas" or size <= pandas_lines:
                    made = call(function, warehouse, Path(scratch) / f"{system}.duckdb")
                    costs[system] = {"seconds": made.value} | made.cost
            costs["clv_warehouse"] = run_models(Dbt(warehouse))
            for system in costs.keys() & SYSTEMS:
                other = Path(scratch) / f"{system}.duckdb"
                if found := call(differences, warehouse, other).value:
                    raise RuntimeError(f"{case}, {system}: {'; '.join(found)}")
        for system, cost in costs.items():
            seconds.setdefault(system, []).append((size, cost["seconds"]))
            ratios = {
                ratio: cost[measure] / costs["floor"][measure]
                for measure, ratio in RATIOS.items()
            }
            yield from rows(case, system, cost | ratios)
    for system, measured in seconds.items():
        (small, least), (large, most) = measured[0], measured[-1]
        if large > small:
            case = f"{small:,} to {large:,} lines"
            yield Row(case, system, "slope", most / least)


def run_models(dbt: Dbt) -> dict[str, float]:
    """Run the SQL models up to the features and return what they cost.

    `seconds` last from the start of the first model to the end of the last. Two models
    run at a time and share the cores.
    """
    dbt("seed", "--select", "reference")
    ran = dbt("run", "--select", "staging", "orders", "features")
    times = [
        dt.datetime.fromisoformat(timing[end])
        for model in dbt.models()
        for timing in model["timing"]
        if timing["name"] == "execute"
        for end in ("started_at", "completed_at")
    ]
    span = max(times) - min(times)
    return {"seconds": span.total_seconds()} | ran.cost | dbt.slowest_models()
