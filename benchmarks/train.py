"""Measures the project's way of fitting a network beside plain Keras on arrays.

Network, loss, optimizer, batch size, epochs, seed and rows are the same. The two differ
in how rows reach the network and how often Python runs between steps (see fitting.fit),
and Keras by default compiles with XLA.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.harness import FOLDER, Dbt, Row, call, rows
from benchmarks.shop import load_shop, make_shop
from clv_warehouse.clv.backtest import read_observations
from clv_warehouse.clv.losses import loss, losses_of
from clv_warehouse.clv.network import NetworkConfig, Outlook, Scaling
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.training import split_in_time, unfitted
from clv_warehouse.clv.tuning import TUNING
from clv_warehouse.learning.fitting import Examples, fit, import_keras, outputs_of

CUSTOMERS = 20_000
AfterEpoch = Callable[[int, float], None]


def benchmark(customers: int = CUSTOMERS, folder: Path = FOLDER) -> Iterator[Row]:
    """Measure both on the past of a made-up shop of so many people."""
    case = f"{customers:,} people"
    shop = make_shop(customers, folder / "cache")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        warehouse = Path(scratch) / "shop.duckdb"
        load_shop(shop, warehouse)
        dbt = Dbt(warehouse)
        dbt("seed", "--select", "reference")
        dbt("run", "--select", "staging", "orders", "features")
        fitted = {}
        for system in FITS:
            ran = call(measure, warehouse, system)
            fitted[system] = ran.value
            yield from rows(case, system, ran.value | ran.cost)
    for name in ("rows_per_second", "rows_per_second_at_best"):
        ratio = fitted["clv_warehouse"][name] / fitted["keras_fit"][name]
        yield Row(case, "clv_warehouse", f"{name}_ratio", ratio)


def measure(warehouse: str, system: str) -> dict[str, float]:
    """Fit a network and return how fast that was, and how good on later rows.

    It counts the fastest epoch, in which other work disturbed least. That is never the
    first epoch, in which TensorFlow compiles.
    """
    past, future = read_examples(warehouse)
    config = NetworkConfig()
    model = unfitted(config, config.seed)
    times, cpu_started = [time.monotonic()], time.process_time()
    FITS[system](model, past, config, lambda epoch, _: times.append(time.monotonic()))
    cpu_seconds = time.process_time() - cpu_started
    losses = losses_of(future.targets, outputs_of(model, future))
    seconds = times[-1] - times[0]
    return {
        "rows": len(past),
        "seconds": seconds,
        "fit_cpu_seconds": cpu_seconds,
        "rows_per_second": len(past) * config.epochs / seconds,
        "rows_per_second_at_best": len(past) / np.diff(times).min(),
        "held_out_loss": float(np.mean(sum(losses))),
    }


def read_examples(warehouse: str) -> tuple[Examples, Examples]:
    """Read what the network learns from and, later in time, what it is tried on."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        observations = read_observations(
            connection.table("features.customer_features"),
            connection.table("features.customer_targets"),
        )
    assert observations.spend is not None and observations.purchases is not None
    scale = float(observations.spend.mean())
    prior = Prior.fit(observations.history)
    outlook = Outlook.of(prior, observations, scale)
    inputs = observations.customers.inputs[observations.row]
    both = np.hstack([inputs, outlook.inputs])
    expected = outlook.offsets
    expected[:, 1:3] -= np.float32(np.log(scale))
    bought = observations.purchases > 0
    targets = np.column_stack([bought, observations.spend / scale, expected])
    examples = Examples(Scaling.fit(both)(both), targets.astype(np.float32))
    earlier, later = split_in_time(observations, TUNING.validation_share)
    return examples.where(earlier), examples.where(later)


def fit_as_the_project(
    model: Any, past: Examples, config: NetworkConfig, after_epoch: AfterEpoch
) -> None:
    """Fit as training.py does."""
    fit(model, past, config.batch_rows, config.epochs, config.seed, after_epoch)


def fit_plainly(
    model: Any, past: Examples, config: NetworkConfig, after_epoch: AfterEpoch
) -> None:
    """Fit as Keras does with its defaults."""
    keras = import_keras()
    model.compile(keras.optimizers.Adam(config.learning_rate, clipnorm=1.0), loss)
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: after_epoch(epoch + 1, logs["loss"])
    )
    model.fit(
        past.inputs,
        past.targets,
        batch_size=config.batch_rows,
        epochs=config.epochs,
        verbose=0,
        callbacks=[callback],
    )


FITS = {"clv_warehouse": fit_as_the_project, "keras_fit": fit_plainly}
