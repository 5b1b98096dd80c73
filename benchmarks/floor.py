"""Makes the tables of orders and features by hand-written SQL: the least they cost."""

import time
from pathlib import Path

import duckdb

from benchmarks.harness import ROOT
from clv_warehouse.project import settings
from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.secrets import PUBLIC

SQL = Path(__file__).with_suffix(".sql")
CODES = ROOT / "seeds" / "reference" / "non_product_codes.csv"


def make_features(warehouse: str, made: str) -> float:
    """Write the tables into a new DuckDB file `made`.

    Returns the seconds that the queries took. Reads the raw tables of `warehouse`.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse}' as shop (read_only)")
        connection.execute(f"attach '{made}' as made")
        connection.execute(f"create temp table codes as from read_csv('{CODES}')")
        define_key_of(connection, PUBLIC)
        for name, macro in {
            "point_of": "sample_point",
            "masked": "masked_text",
        }.items():
            connection.execute(
                f"create temp macro {name}(text) as {sql_of(macro, 'text')}"
            )
        values = settings.values()
        steps = range(values["training_origins"] + 1)
        ends = [0, *values["horizons"]]
        connection.execute(
            "create temp table horizons as select unnest(?) as horizon_days",
            [values["horizons"]],
        )
        connection.execute(
            "create temp table offsets as select distinct unnest(?) as days_before",
            [
                [step * values["origin_step_days"] for step in steps]
                + [
                    horizon + earlier
                    for horizon in values["horizons"]
                    for earlier in ends
                ]
            ],
        )
        for name in ("min_history_days", "training_customers"):
            connection.execute(f"set variable {name} = ?", [values[name]])
        connection.execute("use shop")
        started = time.monotonic()
        connection.execute(SQL.read_text("utf-8"))
        return time.monotonic() - started
