"""The sample shop built on Spark and compared with DuckDB's, row by row."""

from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv
from pyspark.sql import SparkSession

from clv_warehouse.spark.build import Table, build, run_unit_tests
from clv_warehouse.spark.comparison import Difference, differences
from clv_warehouse.spark.engine import frame_of

SEEDS = Path("seeds/sample")
QUIET = ("--quiet",)
FEEDS = ("orders", "order_lines", "products", "customers", "events", "reviews")
# What a network was accepted by, and the network: with them a build only scores.
NETWORK = (Table("clv", "backtest_predictions"), Table("clv", "clv_network"))
# Says what was due in the run that wrote it, so it is not of the shop.
PLAN = Table("clv", "training_plan")
# Facts and features differ by the order of sums at most; a network's layers add up.
TOLERANCE = 1e-9
NETWORK_TOLERANCE = 1e-6


def check(session: SparkSession, warehouse: Path) -> dict[str, list[Difference]]:
    """Build and test the sample shop; by table, its differences from `warehouse`.

    `warehouse` is the DuckDB file of target sample. Its network is carried over, so
    that both engines score with the same one.
    """
    with duckdb.connect(str(warehouse), read_only=True) as expected:
        for feed in FEEDS:
            write(session, read_texts(SEEDS / f"sample_{feed}.csv"), Table("raw", feed))
        for table in NETWORK:
            write(session, expected.table(table.name).to_arrow_table(), table)
        built = build(session, QUIET)
        run_unit_tests(QUIET)
        return {
            table.name: differences(
                expected.table(table.name).to_arrow_table(),
                session.table(table.name).toArrow(),
                NETWORK_TOLERANCE if table.schema == "clv" else TOLERANCE,
            )
            for table in built
            if table != PLAN
        }


def write(session: SparkSession, rows: pa.Table, table: Table) -> None:
    """Replace a table of the warehouse."""
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
