"""A made-up shop's customers and their prior, and CDNOW, for tests of the models."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.data import CDNOW_SAMPLE
from cdnow import cdnow_sample
from clv_warehouse.clv.clock import Clock
from clv_warehouse.clv.now import Forecaster
from clv_warehouse.clv.observations import Customers
from clv_warehouse.clv.prior import Prior
from simulated import shop

# Logs of how busy the months are, such as a shop of gifts has.
EFFECTS = np.array([-0.3, -0.2, 0, 0.1, 0, -0.1, -0.2, -0.1, 0, 0.1, 0.3, 0.6])


@pytest.fixture(scope="session")
def cdnow(public_data):
    return cdnow_sample(public_data(CDNOW_SAMPLE))


@pytest.fixture(scope="module")
def forecaster(sample, root: Path) -> Forecaster:
    """One that has loaded the sample shop's warehouse."""
    return Forecaster(root / "data" / "sample.duckdb")


@pytest.fixture(scope="module")
def features():
    return shop()[0]


@pytest.fixture(scope="module")
def customers(features):
    """Those who bought often enough to have all features, as if all of one date."""
    everybody = Customers.from_arrow(features)
    often = everybody.take(everybody.numbers["frequency"] >= 3)
    dates = np.full(len(often), everybody.as_of_date.max())
    return replace(often, as_of_date=dates)


@pytest.fixture(scope="module")
def even(prior):
    """The same, for which all months are alike."""
    return replace(prior, clock=Clock.even(), amount_by_month=np.ones(12))


@pytest.fixture(scope="module")
def prior(features):
    """One that knows a season, in which purchases and amounts differ."""
    fitted = Prior.fit(Customers.from_arrow(features).history)
    amounts = Clock.of_effects(EFFECTS[::-1] / 5).by_month
    clock = Clock.of_effects(EFFECTS)
    return replace(fitted, clock=clock, amount_by_month=amounts, kept=0.95)
