"""Makes the features by one hand-written query: the least that they cost."""

import time
from pathlib import Path

import duckdb

from benchmarks.harness import ROOT

SQL = Path(__file__).with_suffix(".sql")
CODES = ROOT / "seeds" / "reference" / "non_product_codes.csv"


def make_features(warehouse: str, made: str) -> float:
    """Write customer_features of the scoring date into a new DuckDB file `made`.

    Returns the seconds that the query took. Reads the raw tables of `warehouse`.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse}' as shop (read_only)")
        connection.execute(f"attach '{made}' as made")
        connection.execute(f"create temp table codes as from read_csv('{CODES}')")
        connection.execute("use shop")
        started = time.monotonic()
        connection.execute(SQL.read_text("utf-8"))
        return time.monotonic() - started
