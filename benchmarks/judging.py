"""Measures any forecasts with the SQL of the backtest."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from benchmarks.harness import Dbt, call

PREDICTIONS = "clv.backtest_predictions"
# The models that measure what is in that table.
MEASURING = ("backtest_deciles", "backtest_coverage", "backtest_metrics")
MEASURES = (
    "normalised_gini",
    "spearman",
    "decile_wape",
    "decile_mape",
    "total_bias",
    "mae",
)


@dataclass(frozen=True)
class Judgement:
    """One measure of one model's forecasts."""

    origin_date: str
    horizon_days: int
    model: str
    measure: str
    value: float


def write_predictions(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
    """Replace the table of forecasts by these rows, in the schema backtest.SCHEMA."""
    connection.execute("create schema if not exists clv")
    connection.register("predictions", rows)
    connection.execute(f"create or replace table {PREDICTIONS} as from predictions")
    connection.unregister("predictions")


def judge_predictions(dbt: Dbt) -> Iterator[Judgement]:
    """Measure the forecasts in the table; return the rows of `MEASURES`, in order."""
    dbt("run", "--select", *MEASURING)
    for values in call(read_measures, dbt.warehouse).value:
        yield Judgement(*values)


def read_measures(warehouse: str) -> list[tuple[str, int, str, str, float]]:
    """Rows of backtest_metrics, in order."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        return connection.execute(
            "select cast(origin_date as varchar), horizon_days, model, measure, value "
            "from clv.backtest_metrics where list_contains($measures, measure) "
            "order by origin_date desc, horizon_days, model, "
            "list_position($measures, measure)",
            {"measures": list(MEASURES)},
        ).fetchall()
