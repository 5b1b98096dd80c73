"""Measures what browsing, reviews and the channel each add to the network.

It trains the network on the sample shop with all inputs, without those of one feed, and
without those of all three; a left-out feed looks as in a shop that lacks it. Each
network is judged forward in time as in the backtest, and at the scoring date against
the true expected spend, which is known because the shop is made up. Figures are means
over seeds.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.harness import FOLDER, Dbt, Row, call
from benchmarks.judging import (
    PREDICTIONS,
    judge_predictions,
    write_predictions,
)
from clv_warehouse.clv.backtest import SCHEMA, Case, read_observations
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import Observations
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.learning.progress import Progress
from clv_warehouse.project.features import read_features
from clv_warehouse.project.keys import define_key_of
from clv_warehouse.project.secrets import PUBLIC

# By the reason that explanations count them under.
FEEDS = {
    feed: tuple(each.name for each in read_features() if each.reason == feed)
    for feed in ("browsing", "reviews", "channel")
}
ALL = "all inputs"
SYSTEMS: dict[str, Sequence[str]] = {
    ALL: (),
    **{f"without {feed}": (feed,) for feed in FEEDS},
    "without all three": tuple(FEEDS),
}
SEEDS = 3
TRUTH = """
    select
        key_of(customer_id) as customer_key,
        as_of_date,
        horizon_days,
        expected_spend as spend,
        0 as purchases
    from raw.true_values
"""


def benchmark(seeds: int = SEEDS, folder: Path = FOLDER) -> Iterator[Row]:
    """Judge each system with so many seeds.

    `_sd` is the standard deviation over seeds. `_added` is the lead of the full network
    over the system, as the mean over seeds, and `_added_sd` its standard deviation.
    """
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        dbt = Dbt(Path(scratch) / "shop.duckdb", "sample")
        dbt("seed")
        dbt("run", "--select", "staging", "orders", "features")
        call(forget_predictions, dbt.warehouse)
        for system in SYSTEMS:
            call(judge_system, dbt.warehouse, system, seeds)
        yield from summarise(dbt, seeds)


def summarise(dbt: Dbt, seeds: int) -> Iterator[Row]:
    """Measure the forecasts, by horizon and as the mean of all horizons."""
    last = call(scoring_date, dbt.warehouse).value
    values: dict[tuple[str, str, str], dict[int, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for found in judge_predictions(dbt):
        kind = "truth" if found.origin_date == last else "backtest"
        system, _, seed = found.model.partition("/")
        for horizon in (f"{found.horizon_days} days", "mean"):
            key = f"{kind}, {horizon}", system, found.measure
            values[key][int(seed)].append(found.value)
    means = {
        key: np.array([np.mean(by_seed[seed]) for seed in range(1, seeds + 1)])
        for key, by_seed in values.items()
    }
    for (case, system, measure), of_seeds in means.items():
        yield Row(case, system, measure, float(of_seeds.mean()))
        yield Row(case, system, f"{measure}_sd", float(of_seeds.std()))
        if system != ALL:
            added = means[case, ALL, measure] - of_seeds
            yield Row(case, system, f"{measure}_added", float(added.mean()))
            yield Row(case, system, f"{measure}_added_sd", float(added.std()))


def forget_predictions(warehouse: str) -> None:
    """Create an empty table of forecasts."""
    with duckdb.connect(warehouse) as connection:
        write_predictions(connection, SCHEMA.empty_table())


def judge_system(warehouse: str, system: str, seeds: int) -> None:
    """Add the forecasts of a system to the table, under the name SYSTEM/SEED."""
    with duckdb.connect(warehouse) as connection:
        define_key_of(connection, PUBLIC)
        targets = connection.table("features.customer_targets")
        wanted = targets.project(
            "customer_key, as_of_date, horizon_days, spend, purchases"
        ).union(connection.sql(TRUTH))
        features = connection.table("features.customer_features")
        observations = without(
            read_observations(features, wanted),
            [name for feed in SYSTEMS[system] for name in FEEDS[feed]],
        )
        shop_days = ShopDays.from_arrow(
            connection.table("features.shop_days").to_arrow_table()
        )
        (end,) = features.aggregate("max(as_of_date)").fetchall()[0]
        horizons = np.unique(observations.horizon_days).tolist()
        # Of the truth at the scoring date, a horizon ends so many days after it.
        ends = [(end, days) for days in horizons]
        ends += [(end + timedelta(days=days), days) for days in horizons]
        cases = [Case.of(observations, shop_days, *each) for each in ends]
        for seed in range(1, seeds + 1):
            config = NetworkConfig(seed=seed)
            judged = pa.concat_tables(
                case.network_rows(config, Progress(system)) for case in cases
            )
            named = pa.repeat(f"{system}/{seed}", len(judged))
            place = SCHEMA.get_field_index("model")
            connection.register("judged", judged.set_column(place, "model", named))
            connection.execute(f"insert into {PREDICTIONS} from judged")


def without(observations: Observations, names: Sequence[str]) -> Observations:
    """Return the same customers as if nothing were known of some columns."""
    customers = observations.customers
    unknown = np.full(len(customers), np.nan)
    numbers = customers.numbers | dict.fromkeys(names, unknown)
    return replace(observations, customers=replace(customers, numbers=numbers))


def scoring_date(warehouse: str) -> str:
    """The date as of which customers are scored."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        dates = connection.table("features.as_of_dates").filter("is_scoring_date")
        return str(dates.project("as_of_date").fetchall()[0][0])
