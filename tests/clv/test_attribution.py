"""Tests that contributions add up and agree with independent mathematics."""

from dataclasses import replace

import numpy as np
import pytest

from clv_warehouse.clv.attribution import Explainer, correction
from clv_warehouse.clv.feature_set import current_features
from clv_warehouse.clv.history import History
from clv_warehouse.clv.network import Level, Outlook
from clv_warehouse.clv.observations import (
    PURCHASES,
    Customers,
)
from clv_warehouse.clv.smooth_prior import PRIOR_INPUTS
from clv_warehouse.clv.training import build_model
from clv_warehouse.learning.attribution import POINTS
from clv_warehouse.learning.encoders import ENCODER_SHAPES
from networks import network_of

DATE = np.datetime64("2025-01-25")
HORIZON = 182
FEATURES = current_features()
RECENCY, TENURE = map(FEATURES.names.index, ("recency_days", "tenure_days"))
each_encoder = pytest.mark.parametrize("encoder", ENCODER_SHAPES)


def of_one_date(customers):
    """The customers, as if all were as of DATE."""
    return replace(customers, as_of_date=np.full(len(customers), DATE))


def explainer_of(network, prior, sample):
    return Explainer.of(network, prior, sample, DATE, HORIZON, (50, 500))


def forecast(explainer, inputs, sequences, share):
    """What is expected of customers with these inputs, however fractional.

    The prior has a share of its season.
    """
    numbers = dict(
        zip(FEATURES.numbers, np.expm1(inputs.T.astype(float)), strict=False)
    )
    history = History.from_features(
        *(numbers[name] for name in PRIOR_INPUTS), as_of_date=DATE
    )
    outlook = Outlook.bounded(
        explainer.prior.prior.expected_spend(history, HORIZON)
        * np.exp((share - 1) * explainer.season_of_prior),
        explainer.prior.prior.chance_of_buying(history, HORIZON),
        np.array([HORIZON]),
        explainer.calendar,
        explainer.network.scale,
    )
    first = explainer.network.customer_layer(
        inputs.astype(np.float32), sequences.astype(np.float32)
    )
    return explainer.network.forecast(first, outlook).spend.astype(float)


@each_encoder
def test_the_networks_slopes_are_those_of_automatic_differentiation(customers, encoder):
    tf = pytest.importorskip("tensorflow")
    network = network_of(customers, encoder)
    some = customers.take(np.arange(50))
    scaled = network.customer_scaling(some.inputs)
    pairs = np.tile(np.array([[5.2, 3.0, -1.0]], dtype=np.float32), (50, 1))
    sequences = network.sequence_scaling(some.sequences.reshape(50, -1))
    if encoder == "dense":
        sequences = sequences[:, :0]
    models = []
    for arrays in zip(network.encoders, network.members, strict=True):
        model = build_model(network.config, seed=1)
        model.set_weights(sum(arrays, ()))
        models.append(model)
    inputs = tf.constant(np.hstack([scaled, network.pair_scaling(pairs), sequences]))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = sum(model(inputs)[:, 1] for model in models) / len(models)
    by_input, by_pair, by_sequence = np.split(
        tape.gradient(output, inputs).numpy(),
        np.cumsum([scaled.shape[1], pairs.shape[1]]),
        axis=1,
    )
    layer, backward = network.read(
        network.inputs_layer(some.inputs), network.steps(some.sequences)
    )
    found, layer_slopes, pair_slopes = correction(network, layer, pairs)
    assert found == pytest.approx(output.numpy(), abs=1e-5)
    kernels = [arrays[0][: scaled.shape[1]] for arrays in network.members]
    input_slopes = sum(
        slopes @ kernel.T for slopes, kernel in zip(layer_slopes, kernels, strict=True)
    )
    assert input_slopes == pytest.approx(by_input, abs=1e-5)
    assert pair_slopes * network.pair_scaling.spread == pytest.approx(by_pair, abs=1e-5)
    if encoder != "dense":
        assert np.abs(by_sequence).max() > 1e-2
        step_slopes = backward(layer_slopes).swapaxes(0, 1).reshape(50, -1)
        assert step_slopes == pytest.approx(by_sequence, abs=1e-5)


@each_encoder
def test_contributions_are_the_integral_by_brute_force(prior, customers, encoder):
    network = network_of(customers, encoder)
    chosen = customers.take(np.arange(0, len(customers), len(customers) // 6))
    explainer = explainer_of(network, prior, customers.take(np.array([5])))

    def flat(inputs, sequences):
        return np.hstack([inputs, sequences.reshape(len(inputs), -1)]).astype(float)

    start = flat(explainer.typical, explainer.typical_sequences)
    way = flat(chosen.inputs, chosen.sequences) - start
    known, places = len(FEATURES.names), way.shape[1]
    steps, aside = 128, 3e-3
    total = np.zeros(way.shape)
    for t in (np.arange(steps) + 0.5) / steps:
        # In each input both sides of each customer: (2, places, customers, places).
        sides = np.multiply.outer([aside, -aside], np.eye(places))[:, :, None]
        points = (start + t * way + sides).reshape(-1, places)
        # Nobody has a last purchase before the first, nor after today.
        points[:, RECENCY] = np.clip(points[:, RECENCY], 0, points[:, TENURE])
        inputs, sequences = np.split(points, [known], axis=1)
        spend = forecast(
            explainer,
            inputs,
            sequences.reshape(-1, PURCHASES, len(FEATURES.sequences)),
            t,
        )
        above, below = spend.reshape(2, places, len(way))
        # The forecast has all of the season, the line has a share of t.
        total += (above - below).T * np.exp((t - 1) * explainer.season)
    by_place = total / (2 * aside) / steps * way
    by_sequence = by_place[:, known:].reshape(len(way), PURCHASES, -1).sum(axis=1)
    expected = np.hstack(
        [by_place[:, :known], by_sequence[:, : len(network.features.sequences)]]
    )
    unit = np.abs(expected).sum(axis=1)
    assert (unit > 1).sum() >= 5
    seasons = np.full(len(chosen), explainer.season)
    for points, most in ((POINTS, 0.02), (128, 0.005)):
        found = explainer.integrate(chosen.inputs, chosen.sequences, seasons, points)
        off = np.abs(found[:, :-1] - expected).max(axis=1)
        assert (off <= most * unit).all()


def test_contributions_of_a_linear_network_are_known(even, customers):
    """Where log f is linear, each log difference is worth the logarithmic mean of f."""
    network = network_of(customers, hidden_units=(), members=1)
    network = replace(network, level=Level.none())
    typical = customers.take(np.array([0]))
    inputs = np.repeat(typical.inputs, 2, axis=0)
    places = [FEATURES.names.index(name) for name in ("amount_last", "items")]
    inputs[0, places] += [0.7, -0.4]
    inputs[1, places] += [0.2, 0.5]
    inputs = np.clip(
        inputs, network.customer_scaling.low, network.customer_scaling.high
    )
    explainer = explainer_of(network, even, typical)
    found = explainer.integrate(inputs, None, np.zeros(2))
    kernel = network.members[0][0][: len(FEATURES.names), 1]
    logs = (inputs - typical.inputs) / network.customer_scaling.spread * kernel
    total = logs.sum(axis=1, keepdims=True)
    mean = explainer.baseline * np.expm1(total) / total
    assert np.abs(total).min() > 1e-3
    assert found[:, :-1] == pytest.approx(logs * mean, rel=1e-3, abs=1e-4)
    assert found[:, -1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("encoder", "mean", "most"),
    [("dense", 0.004, 0.045), ("cnn", 0.006, 0.06), ("rnn", 0.008, 0.05)],
)
def test_integration_misses_little_of_the_prediction(
    prior, features, encoder, mean, most
):
    """Most is missed where the line crosses from a quiet into a busy month."""
    everybody = of_one_date(Customers.from_arrow(features))
    explainer = explainer_of(network_of(everybody, encoder), prior, everybody)
    contributions = explainer.integrate(
        everybody.inputs,
        everybody.sequences,
        np.full(len(everybody), explainer.season),
    )
    predicted = explainer.forecast(everybody)
    missed = np.abs(predicted - explainer.baseline - contributions.sum(axis=1))
    size = np.maximum(predicted, explainer.baseline)
    assert (missed / size).mean() < mean
    assert np.quantile(missed / size, 0.99) < most
    assert explainer.explain(everybody, predicted).sum(axis=1) == pytest.approx(
        predicted - explainer.baseline, abs=1e-9 * size.max()
    )


@each_encoder
def test_the_typical_customer_is_all_baseline(even, customers, encoder):
    typical = customers.take(np.array([0]))
    network = replace(network_of(customers, encoder), level=Level.none())
    explainer = explainer_of(network, even, typical)
    found = explainer.explain(typical, explainer.forecast(typical))
    assert found == pytest.approx(0, abs=1e-3 * explainer.baseline)


def test_of_the_typical_customer_only_the_season_differs(prior, even, customers):
    typical = customers.take(np.array([0]))
    network = replace(network_of(customers), level=Level.none())
    explainer = explainer_of(network, prior, typical)
    found = explainer.explain(typical, explainer.forecast(typical))[0]
    assert np.abs(found[:-1]).max() < 1e-3 * explainer.baseline
    of_prior = explainer.season_of_prior
    assert found[-1] * of_prior > 0
    # The months ahead are worth what they add to the prior of who has not left.
    with_season, without = (
        each.expected_spend(typical.history, HORIZON) / each.p_alive(typical.history)
        for each in (prior, even)
    )
    ages = [each.clock.history(typical.history).age for each in (prior, even)]
    assert of_prior == pytest.approx(
        np.log(with_season / without)[0], abs=0.05 + abs(np.log(ages[0] / ages[1])[0])
    )


def test_what_a_shorter_horizon_had_more_goes_to_season(even, customers):
    network = replace(network_of(customers), level=Level.none())
    typical = customers.take(np.array([0]))
    explainer = explainer_of(network, even, typical)
    doubled = 2 * explainer.forecast(typical)
    found = explainer.explain(typical, doubled)[0]
    assert found[-1] == pytest.approx(doubled[0] / 2, rel=1e-3)
    assert np.abs(found[:-1]).max() < 1e-3 * doubled[0]
