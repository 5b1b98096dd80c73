"""Measures scoring, by a network and by the prior, from features to the table.

dbt runs the model clv_scores: rows stream from customer_features through the network
into the table. On Spark the model's function runs without dbt. The features are those
of a made-up shop, repeated. Single customers between builds are of the sample shop.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.floor import make_features
from benchmarks.harness import FOLDER, ROOT, Dbt, Row, call, rows
from benchmarks.shop import load_shop, make_shop
from benchmarks.spark import score_on_spark
from clv_warehouse.clv.feature_set import current_features
from clv_warehouse.clv.network import NetworkConfig, Scaling, untrained
from clv_warehouse.clv.now import Forecaster
from clv_warehouse.clv.observations import Customers
from clv_warehouse.clv.scoring import fit_prior
from clv_warehouse.learning.acceptance import ACCEPTED, Decision
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.registry import SCHEMA, new_row
from clv_warehouse.project.features import read_features

# What is repeated: enough that a batch of customers has no two alike by that.
PEOPLE = 100_000
# How many customers are forecast singly.
ONES = 200
SAMPLE = ROOT / "data" / "sample.duckdb"
DUCKDB = "duckdb"
FEATURES = "features.customer_features"
NETWORKS = "clv.clv_network"
SHOP_DAYS = "features.shop_days"
# The floor's days do not say which purchase was the first.
DAYS = """(
    select
        *,
        is_purchase and row_number() over (
            partition by customer_key, is_purchase order by activity_date
        ) = 1 as is_first_purchase
    from made.customer_days
) as customer_days"""


def benchmark(
    customers: Sequence[int], engine: str = DUCKDB, folder: Path = FOLDER
) -> Iterator[Row]:
    """Measure both at each number of customers, and single ones of the sample."""
    shop = make_shop(min(PEOPLE, max(customers)), folder / "cache")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        raw, made = Path(scratch) / "shop.duckdb", Path(scratch) / "made.duckdb"
        load_shop(shop, raw)
        call(make_features, raw, made)
        for count in sorted(customers):
            warehouse = Path(scratch) / f"customers_{count}.duckdb"
            call(repeat_features, made, warehouse, count)
            for scorer in ("prior", "network"):
                if scorer == "network":
                    call(add_network, warehouse)
                case = f"{count:,} customers, {scorer}"
                if engine == DUCKDB:
                    yield from rows(case, "clv_warehouse", score(Dbt(warehouse)))
                else:
                    ran = call(score_on_spark, engine, warehouse)
                    yield from rows(case, engine, ran.value | ran.cost)
            warehouse.unlink()
    if SAMPLE.exists() and engine == DUCKDB:
        found = call(score_one_by_one, SAMPLE).value
        yield from rows("one customer, between builds", "clv_warehouse", found)


def score(dbt: Dbt) -> dict[str, float]:
    """Run the model clv_scores and return what it cost."""
    ran = dbt("run", "--select", "clv_scores")
    (model,) = dbt.models()
    seconds = model["execution_time"]
    count = call(count_scores, dbt.warehouse).value
    return {
        "predictions": count,
        "seconds": seconds,
        "predictions_per_second": count / seconds,
        **ran.cost,
    }


def score_one_by_one(warehouse: str) -> dict[str, float]:
    """Forecast customers of a built warehouse singly; milliseconds of a forecast."""
    forecaster = Forecaster(Path(warehouse))
    seconds, cpu_seconds = [], []
    with duckdb.connect(warehouse, read_only=True) as connection:
        keys = connection.execute(
            "select customer_key from clv.customer_lifetime_value "
            f"order by md5(customer_key) limit {ONES}"
        ).fetchall()
        for (key,) in keys:
            history = forecaster.history_of(connection, key)
            started, cpu_started = time.perf_counter(), time.process_time()
            forecaster.score_now(history)
            seconds.append(time.perf_counter() - started)
            cpu_seconds.append(time.process_time() - cpu_started)
    return {
        "median_milliseconds": 1000 * float(np.median(seconds)),
        "p95_milliseconds": 1000 * float(np.quantile(seconds, 0.95)),
        "median_cpu_milliseconds": 1000 * float(np.median(cpu_seconds)),
    }


def repeat_features(made: str, warehouse: str, customers: int) -> None:
    """Write the features of so many customers, and an empty table of networks.

    Features that `made` lacks are null, or zero where they must have a value.
    """
    with duckdb.connect(warehouse) as connection:
        connection.execute(f"attach '{made}' as made (read_only)")
        there = connection.table("made.customer_features").columns
        lacking = "".join(
            f", cast({'null' if each.is_nullable else 0} as {each.data_type})"
            f" as {each.name}"
            for each in read_features()
            if each.name not in there
        )
        connection.execute("create schema features; create schema clv")
        connection.execute(
            f"create table {FEATURES} as "
            "select * replace (customer_key || '-' || copy as customer_key)"
            f"{lacking} "
            f"from range({customers}) as copies (copy) "
            "cross join (from made.customer_features where as_of_date = "
            "(select max(as_of_date) from made.customer_features)) as known "
            f"limit {customers}"
        )
        model = (ROOT / "models" / "features" / "shop_days.sql").read_text()
        shop_days = model.replace("{{ ref('customer_days') }}", DAYS)
        connection.execute(f"create table {SHOP_DAYS} as {shop_days}")
        connection.register("networks", SCHEMA.empty_table())
        connection.execute(f"create table {NETWORKS} as from networks")


def add_network(warehouse: str) -> None:
    """Write an accepted network of the usual size; its weights are random."""
    with duckdb.connect(warehouse) as connection:
        features = connection.table(FEATURES)
        columns = ", ".join(current_features().without_sequences.columns)
        sample = features.project(columns).limit(PEOPLE).to_arrow_table()
        inputs = Customers.from_arrow(sample).inputs
        generator = np.random.default_rng(1)
        network = replace(
            untrained(NetworkConfig()), customer_scaling=Scaling.fit(inputs)
        )
        members = tuple(
            tuple(
                generator.normal(0, 0.05, array.shape).astype(np.float32)
                for array in member
            )
            for member in network.members
        )
        row = new_row(
            Plan("clv_network", True, "", sample["as_of_date"][0].as_py()),
            Decision(ACCEPTED, "random"),
            replace(network, members=members).to_bytes(),
            config="{}",
            prior=fit_prior(features, connection.table(SHOP_DAYS))[0].to_json(),
        )
        connection.register("row", row)
        connection.execute(f"insert into {NETWORKS} by name from row")


def count_scores(warehouse: str) -> int:
    """How many forecasts of the network or prior there are, without later years."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        forecasts = connection.table("clv.clv_scores").filter("not is_extrapolated")
        return forecasts.aggregate("count(*)").fetchall()[0][0]
