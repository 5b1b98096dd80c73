"""Measures how far forecasts move when one customer is left out of training.

The network of the built sample shop is trained as `dbt build` does: with all customers,
without one of them, and with all again from another seed. The change is that of the
spend that is forecast for all other customers over the longest horizon.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row
from clv_warehouse.clv.backtest import read_observations
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import Customers, Observations
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.rhythm import Window
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.clv.training import train
from clv_warehouse.learning.progress import Progress
from clv_warehouse.project.arrays import Floats
from clv_warehouse.project.places import warehouse_of

CUSTOMERS = 4
SEED = 17


def benchmark(
    customers: int = CUSTOMERS, warehouse: Path | None = None
) -> Iterator[Row]:
    """Leave out the best customer, and then so many others, one at a time."""
    observations, today, days = read(warehouse or warehouse_of("sample"))
    config = NetworkConfig()
    usual = forecasts(observations, today, days, config)
    case = f"{len(today):,} customers"
    everyone = np.ones(len(today), bool)
    reseeded = forecasts(
        observations, today, days, replace(config, seed=config.seed + 1000)
    )
    yield from changes(case, "another seed", usual, reseeded, everyone)
    keys = names(today)
    best = int(np.argmax(spend_of(observations, keys)))
    others = np.random.default_rng(SEED).permutation(
        np.delete(np.arange(len(keys)), best)
    )
    for number, left_out in enumerate([best, *others[: customers - 1]]):
        name = "without the best customer" if not number else f"without one, {number}"
        stays = names(observations.customers) != keys[left_out]
        there = keys != keys[left_out]
        found = forecasts(
            observations.where(stays[observations.row]), today, days, config, there
        )
        yield from changes(case, name, usual, found, there)


def read(warehouse: Path) -> tuple[Observations, Customers, ShopDays]:
    """What the network of a built warehouse learned from, and whom it forecasts."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        features = connection.table("features.customer_features")
        ((as_of,),) = features.aggregate("max(as_of_date)").fetchall()
        assert isinstance(as_of, date)
        observations = read_observations(
            features, connection.table("features.customer_targets")
        )
        today = features.filter(f"as_of_date = date '{as_of}'").order("customer_key")
        days = ShopDays.from_arrow(
            connection.table("features.shop_days").to_arrow_table()
        )
        return (
            observations,
            Customers.from_arrow(today.to_arrow_table()),
            days.until(np.datetime64(as_of)),
        )


def forecasts(
    observations: Observations,
    today: Customers,
    days: ShopDays,
    config: NetworkConfig,
    there: NDArray[np.bool_] | None = None,
) -> Floats:
    """Train, and forecast the spend of `today` over the longest horizon.

    Prior and level know only the customers who are `there`.
    """
    known = today if there is None else today.take(there)
    prior = Prior.fit(known.history, days, lambda: Window.of(observations))
    network = train(observations, prior, known, config, Progress("influence"))
    rows = np.arange(len(today))
    longest = np.full(len(today), observations.horizon_days.max())
    spend = network.predict(prior, Observations(today, rows, longest)).spend
    return spend.astype(np.float64)


def spend_of(observations: Observations, keys: NDArray) -> Floats:
    """What each customer spent in all observations together."""
    assert observations.spend is not None
    whose = names(observations.customers)[observations.row]
    return np.array([observations.spend[whose == key].sum() for key in keys])


def names(customers: Customers) -> NDArray:
    """The keys of customers, (m,)."""
    return customers.customer_key.to_numpy(zero_copy_only=False)


def changes(
    case: str, system: str, usual: Floats, found: Floats, there: NDArray[np.bool_]
) -> Iterator[Row]:
    """By how many percent of a forecast, and of the total, forecasts change."""
    one, other = usual[there], found[there]
    percent = 100 * np.abs(other - one) / np.maximum(one, 0.01 * usual.mean())
    for measure, value in (
        ("median_change_percent", np.median(percent)),
        ("change_of_99_in_100_percent", np.quantile(percent, 0.99)),
        ("most_change_percent", percent.max()),
        ("total_change_percent", 100 * abs(other.sum() / one.sum() - 1)),
    ):
        yield Row(case, system, measure, float(value))
