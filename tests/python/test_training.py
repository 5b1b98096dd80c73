"""Training: the losses against other implementations, determinism, calibration."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import log_loss, mean_tweedie_deviance

from clv_warehouse.clv.network import NetworkConfig, Outlook
from clv_warehouse.clv.observations import Observations
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.progress import Progress
from clv_warehouse.clv.training import (
    TRAINING,
    Cells,
    best_belief,
    build_model,
    losses_of,
    split_in_time,
    train,
    tweedie_deviance,
)
from simulated import shop

SMALL = NetworkConfig(hidden_units=(16, 8), epochs=3)


@pytest.fixture(scope="module")
def observations():
    return Observations.from_arrow(*shop())


@pytest.fixture(scope="module")
def prior(observations):
    return Prior.fit(observations.history)


@pytest.fixture(scope="module")
def network(observations, prior):
    return train(observations, prior, SMALL, Progress("test"))


def test_tweedie_deviance_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    spend = np.where(random.random(50) < 0.5, 0, random.lognormal(1, 1, 50))
    mean = random.lognormal(0.5, 1, 50)
    found = float(np.mean(tweedie_deviance(spend, np.log(mean))))
    assert found == pytest.approx(mean_tweedie_deviance(spend, mean, power=1.5))


def test_losses_of_chance_and_amount_are_log_likelihoods():
    random = np.random.default_rng(0)
    spend = np.where(random.random(60) < 0.5, 0, random.lognormal(1, 1, 60))
    outputs = random.normal(0, 0.5, (60, 4))
    offsets = random.normal(0, 0.5, (60, 4))
    targets = np.column_stack([spend > 0, spend, offsets])
    chance, _, amount = (np.asarray(each) for each in losses_of(targets, outputs))
    logit, _, location, log_scale = (outputs + offsets).T
    assert chance.mean() == pytest.approx(log_loss(spend > 0, 1 / (1 + np.exp(-logit))))
    buyers = spend > 0
    density = stats.lognorm.logpdf(spend, np.exp(log_scale), scale=np.exp(location))[
        buyers
    ]
    constant = np.log(spend[buyers]) + np.log(2 * np.pi) / 2
    assert amount[buyers] == pytest.approx(-density - constant)
    assert not amount[~buyers].any()


def test_numpy_computes_what_keras_does(observations, prior, network):
    with TRAINING:
        model = build_model(SMALL, seed=1)
    random = np.random.default_rng(0)
    arrays = [random.normal(0, 0.3, each.shape) for each in model.get_weights()]
    model.set_weights(arrays)
    member = tuple(each.astype(np.float32) for each in arrays)
    network = replace(network, members=(member,))
    pairs = Outlook.of(prior, observations, network.scale).inputs
    inputs = observations.customers.inputs[observations.row]
    scaled = [network.customer_scaling(inputs), network.pair_scaling(pairs)]
    expected = np.asarray(model(np.hstack(scaled), training=False))
    found = network.forward(network.customer_layer(inputs), pairs)
    assert np.abs(expected).max() > 0.5
    assert found == pytest.approx(expected, abs=1e-5)


def test_the_same_data_in_any_order_train_the_same_network(network):
    random = np.random.default_rng(5)
    features, targets = (table.take(random.permutation(len(table))) for table in shop())
    again = Observations.from_arrow(features, targets)
    other = train(again, Prior.fit(again.history), SMALL, Progress("test"))
    assert other.to_bytes() == network.to_bytes()


def test_later_observations_begin_where_the_earlier_have_ended(observations):
    earlier, later = split_in_time(observations)
    assert earlier.any() and later.any()
    last_known = observations.where(earlier).end_date.max()
    assert last_known <= observations.where(later).as_of_date.min()


def test_a_correction_is_believed_as_far_as_it_helps():
    random = np.random.default_rng(2)
    truth = random.normal(0, 1, 20_000)
    spend = np.exp(truth + random.normal(-0.125, 0.5, 20_000))
    targets = np.column_stack([spend > 0, spend, np.zeros((20_000, 4))])
    outputs = np.column_stack([0 * truth, 2 * truth, truth, 0 * truth - np.log(2)])
    _, belief = best_belief(targets.astype("f4"), outputs.astype("f4"))
    assert belief.tolist()[1:] == [0.5, 1, 1]


def test_the_level_follows_what_all_windows_have_in_common(observations, prior):
    half = replace(observations, spend=observations.spend * 0.5)
    levels = [
        train(each, prior, SMALL, Progress("test")).level(np.array([91]), no_season())
        for each in (observations, half)
    ]
    change = (levels[1] - levels[0])[0]
    # Towards log(1/2), and drawn to zero on the way there.
    assert np.log(0.5) < change[1] < -0.05
    assert change[0] == pytest.approx(0, abs=0.02)


def test_cells_measure_the_mean_error(observations):
    cells = Cells.of(observations)
    count = len(observations)
    # Expecting a third of what the cell spends on average.
    mean = np.bincount(cells.row, observations.spend) / cells.customers
    log_mean = np.log(mean / 3)[cells.row]
    targets = np.column_stack(
        [
            observations.purchases > 0,
            observations.spend,
            np.zeros(count),
            log_mean,
            np.zeros(count),
            np.zeros(count),
        ]
    )
    off, _ = cells.errors(targets)
    assert off[:, 1] == pytest.approx(np.log(3))


def test_nobody_who_spends_again_leaves_the_prior(observations, prior):
    nothing = replace(
        observations,
        spend=np.zeros(len(observations)),
        purchases=np.zeros(len(observations), dtype=int),
    )
    for empty in (nothing, nothing.where(np.zeros(len(nothing), dtype=bool))):
        network = train(empty, prior, SMALL, Progress("test"))
        found = network.predict(prior, observations).spend
        expected = prior.expected_spend(observations.history, observations.horizon_days)
        assert found == pytest.approx(np.maximum(expected, 1e-3), rel=1e-4)


def no_season():
    return np.zeros((1, 12), dtype=np.float32)


def test_a_shop_of_one_price_is_forecast():
    observations = Observations.from_arrow(*shop(customers=400, price=10.0))
    prior = Prior.fit(observations.history)
    network = train(observations, prior, SMALL, Progress("test"))
    assert network.corrects
    forecast = network.predict(prior, observations)
    assert np.isfinite(forecast.spend).all()
    assert np.isfinite(forecast.quantiles).all()
    # Whoever buys spends the price, or a multiple of it.
    likely = forecast.chance > 0.95
    assert likely.any()
    assert (forecast.quantiles[likely, 0] > 5).all()


def test_few_buyers_leave_the_prior():
    observations = Observations.from_arrow(*shop(customers=40))
    prior = Prior.fit(observations.history)
    network = train(observations, prior, SMALL, Progress("test"))
    assert not network.corrects
    np.testing.assert_allclose(
        network.predict(prior, observations).chance,
        prior.chance_of_buying(observations.history, observations.horizon_days),
        atol=1e-3,
    )
