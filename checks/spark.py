"""Builds a shop on Spark and compares every table with DuckDB's, row by row."""

import argparse
import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from benchmarks.harness import Dbt, run
from benchmarks.shop import load_shop
from checks.comparison import Difference, Tolerance, differences
from checks.table_hashes import CLOCK_TIMES
from clv_warehouse.engines.memory import back_up, restore
from clv_warehouse.engines.spark.build import (
    MANIFEST,
    TARGET,
    BuildError,
    TableName,
    build,
    dbt,
    remember,
    run_unit_tests,
)
from clv_warehouse.engines.spark.sessions import SESSIONS
from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.project.command import run_main
from clv_warehouse.project.contracts import Column, Table, read_memory
from clv_warehouse.project.places import in_project
from clv_warehouse.project.scratch import scratch_folder
from clv_warehouse.project.secrets import PUBLIC, hand_to
from clv_warehouse.shop.schemas import SCHEMAS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SEEDS = Path("seeds/sample")
QUIET = ("--quiet",)
FEEDS = tuple(feed.name for feed in read_feeds())
# The made-up shop has some of the feeds: what comes back, say, are orders of its own.
MADE_FEEDS = tuple(feed for feed in FEEDS if feed in SCHEMAS)
HISTORY = TableName("clv", "score_history")
# What the loop has decided. A day that is decided has no candidates any more.
DECIDED = tuple(
    TableName("marketing", name)
    for name in ("next_best_actions", "policies", "policy_effects")
)
# They say what a run found and was to do, which differs from run to run.
PLAN = (TableName("clv", "standing_networks"), TableName("clv", "training_plan"))
# What is told of builds is of that engine's alone.
BUILDS = tuple(
    TableName("monitoring", name)
    for name in ("builds", "build_commands", "build_steps", "schema_changes")
)
# Facts and features differ by the order of floating-point sums at most.
EXACT = Tolerance(1e-9)
# What holds forecasts.
FORECASTS = (
    *("clv", "profiles", "recommendations", "marketing", "monitoring", "reports"),
)
# A network computes in single precision, whose last digit depends on which customers
# are computed together. A forecast on the edge of a cent may fall to either side.
FORECAST = Tolerance(1e-6, last_digits=1)
# What is steep where the chance of spending so much is all but zero, and what is the
# difference of two predictions.
STEEP = Tolerance(1e-4, last_digits=1)
STEEP_COLUMNS = ("spend_p10", "spend_p50", "spend_p90", "contribution")
# Histories that nobody has had lie where the network is steep.
STEEP_TABLES = (TableName("clv", "counterfactual_scores"),)
# A made-up shop is there for its size; a small network says as much of the engines.
SMALL_NETWORK = {"training_customers": 2000, "training_origins": 6}

# Of a table that differs, how many differences are shown, and how long a line.
SHOWN, WIDTH = 5, 500

Found = dict[str, list[Difference]]


def check_sample(session: "SparkSession", warehouse: Path) -> Found:
    """Build and test the sample shop; by table, its differences from `warehouse`.

    `warehouse` is the DuckDB file of target sample. The SQL models are judged by their
    unit tests too.
    """
    raw = {feed: read_texts(SEEDS / f"sample_{feed}.csv") for feed in FEEDS}
    found = check(session, raw, warehouse, {})
    run_unit_tests(QUIET)
    return found | check_memory(session)


def check_memory(session: "SparkSession") -> Found:
    """Let runs add rows to tables that remember; compare with what must be left."""
    from clv_warehouse.engines.spark.relation import Rows, frame_of

    runs: tuple[dict[str, list], ...] = (
        {"day": [1, 2], "who": ["a", "b"]},
        {"day": [], "who": []},
        {"day": [2, 3], "who": ["c", "d"]},
        {"day": [4], "who": ["e"], "spend": [0.5]},
    )
    schema = pa.schema({"day": pa.int32(), "who": pa.string(), "spend": pa.float64()})
    left = {
        ("day",): {
            "day": [1, 2, 3, 4],
            "who": ["a", "c", "d", "e"],
            "spend": [None, None, None, 0.5],
        },
        (): {"day": [4], "who": ["e"], "spend": [0.5]},
    }
    found = {}
    for key, expected in left.items():
        name = "remembers_by_key" if key else "remembers_the_last"
        columns = tuple(Column(each, "", "") for each in schema.names)
        table = Table("clv", name, "", columns, (), key)
        for run_rows in runs:
            rows = pa.table(
                run_rows, pa.schema([schema.field(each) for each in run_rows])
            )
            remember(session, table, frame_of(session, rows))
        found[table.full_name] = differences(
            pa.table(expected, schema),
            Rows(session.table(table.full_name)).to_arrow_table(),
            lambda _: EXACT,
        )
    return found


def check_made(session: "SparkSession", customers: int, scratch: Path) -> Found:
    """Make a shop of so many customers, build it on DuckDB, and compare likewise."""
    shop, dbt = scratch / "shop", Dbt(scratch / "shop.duckdb")
    feeds = ("--feeds", ",".join(MADE_FEEDS))
    run("scripts/make_shop.py", shop, "--customers", str(customers), *feeds)
    load_shop(shop, dbt.warehouse)
    models = ("--exclude-resource-type", "test", "unit_test")
    ran = dbt("build", *models, "--vars", json.dumps(SMALL_NETWORK))
    print(f"{customers:,} customers on DuckDB in {ran.seconds:.0f} s", flush=True)
    raw = {feed: pq.read_table(shop / f"{feed}.parquet") for feed in MADE_FEEDS}
    return check(session, raw, dbt.warehouse, SMALL_NETWORK)


def check(
    session: "SparkSession",
    raw: Mapping[str, pa.Table],
    warehouse: Path,
    settings: Mapping[str, Any],
) -> Found:
    """Build and test a shop of these feeds; by table, its differences from DuckDB's.

    What `warehouse`, a DuckDB file, remembers is backed up and restored on Spark. So
    both engines score with the same network.
    """
    from clv_warehouse.engines.spark.relation import Rows

    options = (*QUIET, "--vars", json.dumps(settings))
    dbt("parse", *TARGET, *options)
    memory = read_memory(Path(MANIFEST))
    with duckdb.connect(str(warehouse), read_only=True) as expected:
        # The staging views make the keys of customers as they are read.
        hand_to(expected, PUBLIC)
        for feed, rows in raw.items():
            write(session, rows, TableName("raw", feed))
        with scratch_folder() as scratch:
            backup = scratch / "memory.duckdb"
            back_up(expected, memory, backup, print)
            restore(session, memory, backup, print)
        forget_half(session)
        forget_decisions(session)
        built = build(session, PUBLIC, options)
        return {
            table.name: differences(
                without_clock(expected.table(table.name).to_arrow_table()),
                without_clock(Rows(session.table(table.name)).to_arrow_table()),
                tolerances(table),
            )
            for table in [model.table for model in built]
            if table not in (*PLAN, *BUILDS)
        }


def forget_half(session: "SparkSession") -> None:
    """Leave the build half of the scores to remember, and one that is too old.

    What stands then is what was there, less the old one, and what the build adds.
    """
    from clv_warehouse.engines.spark.relation import Rows

    history = Rows(session.table(HISTORY.name)).to_arrow_table()
    day = history.column_names.index("as_of_date")
    long_ago = pa.array([dt.date(2000, 1, 1)])
    old = history.slice(0, 1).set_column(day, "as_of_date", long_ago)
    half = history.slice(0, history.num_rows // 2)
    write(session, pa.concat_tables([half, old]), HISTORY)


def forget_decisions(session: "SparkSession") -> None:
    """Leave the build to decide anew what is done today."""
    from clv_warehouse.engines.spark.relation import Rows

    for table in DECIDED:
        decided = Rows(session.table(table.name)).to_arrow_table()
        write(session, decided.slice(0, 0), table)


def without_clock(rows: pa.Table) -> pa.Table:
    """Return the rows without the moments at which a run said something."""
    return rows.drop([name for name in CLOCK_TIMES if name in rows.column_names])


def tolerances(table: TableName) -> Callable[[str], Tolerance]:
    """How far columns of a table may be apart."""

    def tolerance_of(column: str) -> Tolerance:
        if table.schema not in FORECASTS:
            return EXACT
        is_steep = column in STEEP_COLUMNS or table in STEEP_TABLES
        return STEEP if is_steep else FORECAST

    return tolerance_of


def write(session: "SparkSession", rows: pa.Table, table: TableName) -> None:
    """Replace a table of the warehouse."""
    from clv_warehouse.engines.spark.relation import frame_of

    session.sql(f"create schema if not exists {table.schema}")
    frame_of(session, rows).write.mode("overwrite").saveAsTable(table.name)


def read_texts(path: Path) -> pa.Table:
    """Read a CSV file as text, as seeds are; empty is null."""
    names = path.open(encoding="utf-8").readline().strip().split(",")
    return csv.read_csv(
        path,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )


def main() -> int:
    """Check what the command line says; return the exit code."""
    arguments = _arguments()
    started = time.monotonic()
    with scratch_folder() as scratch:
        try:
            with SESSIONS[arguments.engine](scratch) as session:
                if arguments.customers:
                    found = check_made(session, arguments.customers, scratch)
                else:
                    found = check_sample(session, arguments.warehouse)
        except BuildError as error:
            print(f"checks.spark: {error}; see dbt's message above.", file=sys.stderr)
            return 1
    for table, wrong in found.items():
        print(f"{table}: {f'{len(wrong)} values differ' if wrong else 'the same'}")
        for difference in wrong[:SHOWN]:
            print(f"  {difference}"[:WIDTH])
    failed = sum(map(bool, found.values()))
    print(f"{len(found) - failed} passed, {failed} failed")
    print(f"on {arguments.engine} in {time.monotonic() - started:.0f} s")
    return int(failed > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="checks.spark", description=__doc__)
    parser.add_argument(
        "--engine",
        choices=SESSIONS,
        default="plain",
        help="plain: the environment's session; sail or local: one in this process",
    )
    parser.add_argument(
        "--warehouse",
        type=Path,
        default=in_project("data", "sample.duckdb"),
        help="what to compare with: the DuckDB file of target sample",
    )
    parser.add_argument(
        "--customers",
        type=int,
        default=0,
        help="check a made-up shop of so many, not the sample shop",
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_main(main)
