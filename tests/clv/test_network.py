"""Compares the stored network's mathematics with simulation, and tests its limits."""

import numpy as np
import pytest
from scipy import stats

from clv_warehouse.clv.network import (
    OUTPUTS,
    Level,
    Network,
    NetworkConfig,
    Scaling,
    spend_quantiles,
    untrained,
)
from clv_warehouse.clv.observations import Observations, calendar_shares
from clv_warehouse.clv.prior import Prior
from simulated import shop


@pytest.fixture(scope="module")
def observations():
    return Observations.from_arrow(*shop())


@pytest.mark.parametrize(("chance", "mu", "sigma"), [(0.95, 3, 0.5), (0.3, 1, 1.2)])
def test_quantiles_are_those_of_simulated_spend(chance, mu, sigma):
    random = np.random.default_rng(1)
    buys = random.random(1_000_000) < chance
    spend = np.where(
        buys,
        stats.lognorm(sigma, scale=np.exp(mu)).rvs(1_000_000, random_state=random),
        0,
    )
    singles = [np.array([value], dtype=np.float32) for value in (chance, mu, sigma)]
    found = spend_quantiles(*singles)[0]
    assert found == pytest.approx(np.quantile(spend, [0.1, 0.5, 0.9]), rel=0.02)


def test_who_hardly_buys_has_quantiles_of_zero():
    one = np.ones(1, dtype=np.float32)
    assert spend_quantiles(0.05 * one, one, one).tolist() == [[0, 0, 0]]


def test_an_untrained_network_is_the_prior(observations):
    prior = Prior.fit(observations.history)
    forecast = untrained(NetworkConfig()).predict(prior, observations)
    history, horizon = observations.history, observations.horizon_days
    spend = prior.expected_spend(history, horizon)
    # Below a thousandth of the mean spend, one in an untrained network, it is a floor.
    assert forecast.spend == pytest.approx(np.maximum(spend, 1e-3), rel=1e-4)
    chance = prior.chance_of_buying(history, horizon)
    assert forecast.chance == pytest.approx(np.clip(chance, 1e-4, 1), abs=1e-5)


def test_a_stored_network_is_read_back_to_the_bit(observations):
    network = random_network(observations)
    again = Network.from_bytes(network.to_bytes())
    prior = Prior.fit(observations.history)
    before, after = (each.predict(prior, observations) for each in (network, again))
    assert np.array_equal(before.spend, after.spend)
    assert again.config == network.config
    assert again.to_bytes() == network.to_bytes()


def test_inputs_beyond_the_range_of_training_count_as_its_end(observations):
    network = random_network(observations)
    inputs = observations.customers.inputs[:1]
    beyond = network.customer_scaling.high[None] + 50
    most = network.customer_scaling.high[None]
    assert np.array_equal(
        network.customer_layer(beyond)[0], network.customer_layer(most)[0]
    )
    assert not np.array_equal(
        network.customer_layer(inputs)[0], network.customer_layer(most)[0]
    )


def test_level_between_and_beyond_known_horizons():
    values = np.array([[0, 1, 0, 0], [0, 3, 0, 0]], dtype=np.float32)
    by_month = np.zeros((12, OUTPUTS), dtype=np.float32)
    by_month[11] = 0.5
    level = Level(np.array([30, 90]), values, by_month)
    december = np.eye(12, dtype=np.float32)[[11]]
    found = level(np.array([10, 30, 60, 90, 400]), 0 * december)[:, 1]
    assert found.tolist() == [1, 1, 2, 3, 3]
    assert level(np.array([30]), december)[0].tolist() == [0.5, 1.5, 0.5, 0.5]


def test_calendar_shares_count_days():
    dates = np.array(["2023-12-31", "2024-01-31", "2023-12-31"], "datetime64[D]")
    shares = calendar_shares(dates, np.array([366, 30, 30]))
    leap_year = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert shares[0] * 366 == pytest.approx(leap_year, abs=1e-3)
    assert shares[1, 1:3] * 30 == pytest.approx([29, 1], abs=1e-4)
    assert shares[2, 0] == 1


def random_network(observations):
    random = np.random.default_rng(3)
    network = untrained(NetworkConfig())
    return Network(
        network.config,
        network.features,
        2.0,
        Scaling.fit(observations.customers.inputs),
        network.pair_scaling,
        network.sequence_scaling,
        network.encoders,
        tuple(
            tuple(
                random.normal(0, 0.1, array.shape).astype(np.float32)
                for array in member
            )
            for member in network.members
        ),
        np.array([0.25, 0.5, 0.5, 1], dtype=np.float32),
        Level.none(),
    )
