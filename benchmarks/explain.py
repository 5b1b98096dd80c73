"""Measures explanations, from forecasts of a network and of the prior to the table.

dbt runs clv_contributions, which integrates gradients from the shop's typical customer
to each other one, and clv_explanations, which makes a row per reason. The customers are
those of the benchmark `score`.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from benchmarks.floor import make_features
from benchmarks.harness import FOLDER, Dbt, Row, call, rows
from benchmarks.score import PEOPLE, add_network, repeat_features
from benchmarks.shop import load_shop, make_shop

CUSTOMERS = 100_000
MODELS = ("clv_contributions", "clv_explanations")


def benchmark(customers: Sequence[int], folder: Path = FOLDER) -> Iterator[Row]:
    """Measure both at each number of customers."""
    shop = make_shop(min(PEOPLE, max(customers)), folder / "cache")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        raw, made = Path(scratch) / "shop.duckdb", Path(scratch) / "made.duckdb"
        load_shop(shop, raw)
        call(make_features, raw, made)
        for count in sorted(customers):
            warehouse = Path(scratch) / f"customers_{count}.duckdb"
            call(repeat_features, made, warehouse, count)
            dbt = Dbt(warehouse)
            dbt("seed", "--select", "clv_reasons")
            for scorer in ("prior", "network"):
                if scorer == "network":
                    call(add_network, warehouse)
                dbt("run", "--select", "clv_scores")
                case = f"{count:,} customers, {scorer}"
                yield from rows(case, "clv_warehouse", explain(dbt, count))
            warehouse.unlink()


def explain(dbt: Dbt, customers: int) -> dict[str, float]:
    """Run the models, explaining so many customers, and return what it cost."""
    settings = f"{{explain_customers: {customers}}}"
    ran = dbt("run", "--select", *MODELS, "--vars", settings)
    seconds = sum(model["execution_time"] for model in dbt.models())
    return {
        "explanations": call(count_explanations, dbt.warehouse).value,
        "seconds": seconds,
        "customers_per_second": customers / seconds,
        **dbt.slowest_models(),
        **ran.cost,
    }


def count_explanations(warehouse: str) -> int:
    """How many rows of customer and reason there are."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        table = connection.table("clv.clv_explanations")
        return table.aggregate("count(*)").fetchall()[0][0]
