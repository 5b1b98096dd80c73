"""A made-up shop's customers and their prior, for tests of explanations."""

import pytest

from clv_warehouse.clv.observations import Customers
from clv_warehouse.clv.prior import Prior
from simulated import shop


@pytest.fixture(scope="module")
def features():
    return shop()[0]


@pytest.fixture(scope="module")
def customers(features):
    """Those who bought often enough to have all features, at any date."""
    everybody = Customers.from_arrow(features)
    return everybody.take(everybody.numbers["frequency"] >= 3)


@pytest.fixture(scope="module")
def prior(features):
    return Prior.fit(Customers.from_arrow(features).history)
