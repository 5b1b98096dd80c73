"""Measures a made-up shop of any size: the first build, then the next day's run.

The shop's Parquet files stay where they are. The first build lacks the shop's last day.
The second run, with reload_days, takes up that day and scores all customers anew.
Memory is that of all processes of a run together. On Spark it measures only a first
build of all days, from tables of schema raw.
"""

import datetime as dt
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from benchmarks.harness import (
    FOLDER,
    ROOT,
    Dbt,
    Row,
    call,
    run,
)
from benchmarks.shop import make_shop
from benchmarks.spark import build_on_spark
from benchmarks.sql import LINES_PER_PERSON

RELOAD_DAYS = 7
MEMORY_LIMIT = "8GB"
SYSTEM = "duckdb"
# Models that run only where a training is due, or decide that; none grows with a shop.
TRAIN = (
    *("code_fingerprints", "training_", "standing_networks", "tuning_trials"),
    *("backtest_", "clv_network", "past_totals", "season_effects"),
    *("first_order_backtest", "encoder", "recommendation_backtest"),
    *("recommender", "uplift"),
)
SCORE = ("clv_scores",)
FACTS = ("staging", "orders", "features")
MEASURES = {
    "seconds": "whole run, s",
    "facts_and_features_seconds": "facts and features, s",
    "train_seconds": "backtest and training, s",
    "score_seconds": "scoring, s",
    "marts_seconds": "all other tables, s",
    "peak_mb": "peak memory, MB",
    "disk_mb": "warehouse, MB",
}
# A model, and when it started and ended.
Span = tuple[str, dt.datetime, dt.datetime]
PAGE_MB = 4096 / (1 << 20)
SECONDS_BETWEEN_LOOKS = 0.2


def benchmark(
    lines: Sequence[int], engine: str = SYSTEM, folder: Path = FOLDER
) -> Iterator[Row]:
    """Measure both runs at each number of order lines, by stage; on Spark the first."""
    for size in sorted(lines):
        case = f"{size:,} lines"
        whole = make_shop(max(1, round(size / LINES_PER_PERSON)), folder / "cache")
        if engine != SYSTEM:
            yield from _run_on_spark(engine, f"{case}, first build", whole)
            continue
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            shop = Path(scratch) / "shop"
            held_back = Path(scratch) / "last_day"
            call(split, whole, shop, held_back)
            dbt = Dbt(Path(scratch) / "warehouse.duckdb", memory_limit=MEMORY_LIMIT)
            place = ("--warehouse", dbt.warehouse)
            linked = run("scripts/load.py", "folder", shop, "--in-place", *place)
            yield Row(f"{case}, first build", SYSTEM, "link_seconds", linked.seconds)
            dbt("seed", "--select", "reference")
            yield from _run(dbt, f"{case}, first build")
            for part in held_back.glob("*/*.parquet"):
                part.rename(shop / part.parent.name / part.name)
            yield from _run(dbt, f"{case}, next day")


def _run(dbt: Dbt, case: str) -> Iterator[Row]:
    with peak_of_processes() as peak:
        ran = dbt("run", "--vars", f"{{reload_days: {RELOAD_DAYS}}}")
    yield Row(case, SYSTEM, "seconds", ran.seconds)
    yield Row(case, SYSTEM, "cpu_seconds", ran.cpu_seconds)
    yield Row(case, SYSTEM, "peak_mb", peak[0])
    yield Row(case, SYSTEM, "disk_mb", dbt.warehouse.stat().st_size / (1 << 20))
    for stage, seconds in stages(spans(dbt)).items():
        yield Row(case, SYSTEM, f"{stage}_seconds", seconds)
    for name, seconds in dbt.slowest_models().items():
        yield Row(case, SYSTEM, name, seconds)


def _run_on_spark(engine: str, case: str, shop: Path) -> Iterator[Row]:
    with peak_of_processes() as peak:
        found = call(build_on_spark, engine, shop).value
    yield Row(case, engine, "seconds", found["seconds"])
    yield Row(case, engine, "peak_mb", peak[0])
    ran = (
        (name, dt.datetime.fromisoformat(started), dt.datetime.fromisoformat(ended))
        for name, started, ended in found["built"]
    )
    for stage, seconds in stages(ran).items():
        yield Row(case, engine, f"{stage}_seconds", seconds)


def split(whole: str, shop: str, last_day: str) -> None:
    """Write a shop as two folders of FEED/*.parquet: its last day, and the rest."""
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false")
        orders, lines = f"'{whole}/orders.parquet'", f"'{whole}/order_lines.parquet'"
        connection.execute(
            "create table last as select order_id from "
            f"{orders} where ordered_at >= (select max(ordered_at)::date from {orders})"
        )
        for feed, rows in {"orders": orders, "order_lines": lines}.items():
            for folder, join in {shop: "anti", last_day: "semi"}.items():
                path = Path(folder) / feed / f"{join}.parquet"
                path.parent.mkdir(parents=True)
                connection.execute(
                    f"copy (from {rows} {join} join last using (order_id)) to '{path}'"
                )


def spans(dbt: Dbt) -> Iterator[Span]:
    """When the models of the last command ran."""
    for model in dbt.models():
        for timing in model["timing"]:
            if timing["name"] == "execute":
                yield (
                    model["unique_id"].split(".")[-1],
                    dt.datetime.fromisoformat(timing["started_at"]),
                    dt.datetime.fromisoformat(timing["completed_at"]),
                )


def stages(ran: Iterable[Span]) -> dict[str, float]:
    """Seconds in which models of a stage ran; two stages may run at a time."""
    domains = {
        path.stem: path.parent.name
        for folder in ("models", "python_models")
        for path in (ROOT / folder).glob("*/*.[sp][qy]*")
    }
    by_stage: dict[str, list[tuple[dt.datetime, dt.datetime]]] = {}
    for name, started, ended in ran:
        if name.startswith(TRAIN):
            stage = "train"
        elif name in SCORE:
            stage = "score"
        else:
            is_fact = domains[name] in FACTS
            stage = "facts_and_features" if is_fact else "marts"
        by_stage.setdefault(stage, []).append((started, ended))
    seconds = {}
    for stage, times in by_stage.items():
        total, until = 0.0, min(times)[0]
        for start, end in sorted(times):
            total += max(0.0, (end - max(start, until)).total_seconds())
            until = max(until, end)
        seconds[stage] = total
    return seconds


@contextmanager
def peak_of_processes() -> Iterator[list[float]]:
    """Watch this process's descendants: the most memory that all held at once, in MB.

    Linux only; zero elsewhere.
    """
    peak, is_over = [0.0], threading.Event()

    def watch() -> None:
        while not is_over.wait(SECONDS_BETWEEN_LOOKS):
            peak[0] = max(peak[0], _descendants_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        is_over.set()
        watcher.join()


def _descendants_mb() -> float:
    total, waiting = 0.0, _children("self")
    while waiting:
        process = waiting.pop()
        waiting += _children(process)
        try:
            pages = Path(f"/proc/{process}/statm").read_text("ascii").split()[1]
        except (OSError, IndexError):
            continue
        total += int(pages) * PAGE_MB
    return total


def _children(process: str) -> list[str]:
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += task.read_text("ascii").split()
        except OSError:
            continue
    return found


def table(found_rows: Sequence[Row]) -> str:
    """Markdown of the measures, a row per run."""
    by_case: dict[str, dict[str, float]] = {}
    for row in found_rows:
        on = "" if row.system == SYSTEM else f", on {row.system}"
        by_case.setdefault(row.case + on, {})[row.measure] = row.value
    lines = [
        f"| | {' | '.join(MEASURES.values())} |",
        "|---" * (len(MEASURES) + 1) + "|",
    ]
    for case, found in by_case.items():
        cells = [f"{found[name]:,.0f}" if name in found else "" for name in MEASURES]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return "\n".join(lines)
