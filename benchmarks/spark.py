"""The parts of benchmarks that run on Spark, each in a process of its own.

They import Spark late, because few people install it.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

HORIZONS = [30, 91, 182, 365]
LIFETIME_YEARS = 3


def score_on_spark(engine: str, warehouse: str) -> dict[str, float]:
    """Write clv_scores of the customers of a DuckDB file by Spark's workers.

    Twice, as a cluster that is up does it: the second time is measured.
    """
    from clv_warehouse.clv.scoring import score
    from clv_warehouse.engines.spark.relation import frame_of
    from clv_warehouse.engines.spark.sessions import SESSIONS

    with (
        tempfile.TemporaryDirectory(dir=Path(warehouse).parent) as scratch,
        SESSIONS[engine](Path(scratch)) as session,
    ):
        features = Path(scratch) / "features.parquet"
        with duckdb.connect(warehouse, read_only=True) as connection:
            networks = connection.table("clv.clv_network").to_arrow_table()
            connection.table("features.customer_features").to_parquet(str(features))
        given = frame_of(session, networks), session.read.parquet(str(features))
        for _ in range(2):
            started, cpu_started = time.monotonic(), time.process_time()
            score(*given, HORIZONS, LIFETIME_YEARS).write.mode("overwrite").saveAsTable(
                "scores"
            )
            seconds = time.monotonic() - started
            cpu_seconds = time.process_time() - cpu_started
        count = session.table("scores").filter("not is_extrapolated").count()
    return {
        "predictions": count,
        "seconds": seconds,
        "scoring_cpu_seconds": cpu_seconds,
        "predictions_per_second": count / seconds,
        "customers_per_second": count / len(HORIZONS) / seconds,
    }


def build_on_spark(engine: str, shop: str) -> dict[str, Any]:
    """Build the warehouse of a shop's Parquet files; when each model was written."""
    from clv_warehouse.engines.spark.build import ALL_TESTS, build
    from clv_warehouse.engines.spark.sessions import SESSIONS
    from clv_warehouse.project.secrets import PUBLIC

    with (
        tempfile.TemporaryDirectory() as scratch,
        SESSIONS[engine](Path(scratch)) as session,
    ):
        session.sql("create schema if not exists raw")
        for feed in Path(shop).glob("*.parquet"):
            rows = session.read.parquet(str(feed))
            rows.write.mode("overwrite").saveAsTable(f"raw.{feed.stem}")
        started = time.monotonic()
        built = build(session, PUBLIC, ("--quiet",), without=ALL_TESTS)
        seconds = time.monotonic() - started
    return {
        "seconds": seconds,
        "built": [
            (model.name, str(model.started_at), str(model.completed_at))
            for model in built
        ],
    }
