"""Explanations: they add up, and they are what independent mathematics says."""

import csv
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from numpy.polynomial import legendre

from clv_warehouse.clv import explanation, registry, scoring
from clv_warehouse.clv.explanation import (
    PRIOR_INPUTS,
    Explainer,
    SmoothPrior,
    attributed,
)
from clv_warehouse.clv.network import (
    OUTPUTS,
    PAIR_INPUTS,
    Level,
    Network,
    NetworkConfig,
    Outlook,
    Scaling,
)
from clv_warehouse.clv.observations import (
    CUSTOMER_INPUTS,
    NUMBERS,
    PURCHASES,
    SEQUENCES,
    Customers,
)
from clv_warehouse.clv.prior import History, Prior
from clv_warehouse.clv.training import build_model
from clv_warehouse.learning.encoders import ENCODED, ENCODER_SHAPES
from simulated import shop

DATE = np.datetime64("2025-01-25")
HORIZON = 182
RECENCY, TENURE = map(CUSTOMER_INPUTS.index, ("recency_days", "tenure_days"))
each_encoder = pytest.mark.parametrize("encoder", ENCODER_SHAPES)


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


def network_of(customers, encoder="dense", hidden_units=(16, 8), members=2):
    """A network of random weights that corrects by a factor of two or so.

    What the encoder makes of the purchases counts as much as in a trained network.
    """
    random = np.random.default_rng(3)

    def arrays(shapes, spread):
        return tuple(
            random.normal(
                0, spread / np.sqrt(np.prod(shape[:-1] or shape)), shape
            ).astype(np.float32)
            for shape in shapes
        )

    encoders = tuple(arrays(ENCODER_SHAPES[encoder], 1.5) for _ in range(members))
    encoded = ENCODED if encoders[0] else 0
    rows = len(CUSTOMER_INPUTS) + encoded + len(PAIR_INPUTS)
    sizes = pairwise([rows, *hidden_units, OUTPUTS])
    shapes = [shape for size in sizes for shape in (size, size[1:])]
    layers = tuple(arrays(shapes, 0.6) for _ in range(members))
    for kernel, *_ in layers:
        kernel[len(CUSTOMER_INPUTS) :][:encoded] *= 4
    pairs = np.array([[1, -3, -6], [8, 12, 6]], dtype=np.float32)
    level = Level.none()
    level.by_horizon[:] = 0.2
    level.by_month[:] = -0.1
    return Network(
        NetworkConfig(encoder=encoder, hidden_units=hidden_units),
        float(50),
        Scaling.fit(customers.inputs),
        Scaling.fit(pairs),
        Scaling.fit(customers.sequences.reshape(len(customers), -1)),
        encoders,
        layers,
        np.array([0.6, 0.7, 0.8, 1], dtype=np.float32),
        level,
    )


def explainer_of(network, prior, sample):
    return Explainer.of(network, prior, sample, DATE, HORIZON, (50, 500))


def forecast(explainer, inputs, sequences):
    """What is expected of customers with these inputs, however fractional."""
    numbers = dict(zip(NUMBERS, np.expm1(inputs.T.astype(float)), strict=False))
    history = History.from_features(*(numbers[name] for name in PRIOR_INPUTS))
    outlook = Outlook.bounded(
        explainer.prior.prior.expected_spend(history, HORIZON),
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
def test_every_input_has_a_reason_and_every_reason_words(root, encoder):
    names = attributed(NetworkConfig(encoder))
    assert set(SEQUENCES).issubset(names) == (encoder != "dense")
    reasons = {explanation.reason_of(name) for name in names}
    assert reasons <= set(explanation.REASONS)
    with (root / "seeds/reference/clv_reasons.csv").open(encoding="utf-8") as file:
        worded = [row["reason"] for row in csv.DictReader(file)]
    assert worded == ["baseline", *explanation.REASONS]
    with pytest.raises(KeyError, match="shoe_size"):
        explanation.reason_of("shoe_size")


def test_the_smooth_prior_is_the_prior(prior, customers):
    smooth = explainer_of(explanation.no_correction(), prior, customers)
    view = smooth.prior(customers.inputs[:, explanation.PRIOR_PLACES].astype(float))
    history = customers.history
    assert np.exp(view.log_spend) == pytest.approx(
        prior.expected_spend(history, HORIZON), rel=1e-4
    )
    chance = np.clip(prior.chance_of_buying(history, HORIZON), 1e-4, 1 - 1e-4)
    assert view.logit_chance == pytest.approx(
        np.log(chance / (1 - chance)), abs=1e-4, rel=1e-4
    )


@pytest.mark.parametrize("repeats", [0.3, 0.8, 1.5, 6.0])
def test_the_smooth_prior_has_the_slopes_of_its_values(prior, customers, repeats):
    smooth: SmoothPrior = explainer_of(
        explanation.no_correction(), prior, customers
    ).prior
    point = np.log1p([[1 + repeats, 20.0, 200.0, 30.0]])
    view, step = smooth(point), 1e-5
    for place in range(4):
        aside = step * np.eye(4)[place]
        above, below = smooth(point + aside), smooth(point - aside)
        for name in ("log_spend", "logit_chance"):
            difference = getattr(above, name) - getattr(below, name)
            assert getattr(view, f"{name}_slopes")[0, place] == pytest.approx(
                difference[0] / (2 * step), rel=1e-4, abs=1e-6
            )


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
    found, layer_slopes, pair_slopes = explanation.correction(network, layer, pairs)
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
def test_contributions_are_the_integral_by_brute_force(
    prior, customers, encoder, monkeypatch
):
    network = network_of(customers, encoder)
    chosen = customers.take(np.arange(0, len(customers), len(customers) // 6))
    explainer = explainer_of(network, prior, customers.take(np.array([5])))

    def flat(inputs, sequences):
        return np.hstack([inputs, sequences.reshape(len(inputs), -1)]).astype(float)

    start = flat(explainer.typical, explainer.typical_sequences)
    way = flat(chosen.inputs, chosen.sequences) - start
    known, places = len(CUSTOMER_INPUTS), way.shape[1]
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
            explainer, inputs, sequences.reshape(-1, PURCHASES, len(SEQUENCES))
        )
        above, below = spend.reshape(2, places, len(way))
        # The forecast has all of the season, the line has a share of t.
        total += (above - below).T * np.exp((t - 1) * explainer.season)
    by_place = total / (2 * aside) / steps * way
    by_sequence = by_place[:, known:].reshape(len(way), PURCHASES, -1).sum(axis=1)
    expected = np.hstack(
        [by_place[:, :known], by_sequence[:, : len(network.config.sequences)]]
    )
    unit = np.abs(expected).sum(axis=1)
    assert (unit > 1).sum() >= 5
    for points, most in ((len(explanation.NODES), 0.02), (128, 0.005)):
        nodes, masses = legendre.leggauss(points)
        monkeypatch.setattr(explanation, "NODES", (nodes + 1) / 2)
        monkeypatch.setattr(explanation, "MASSES", masses / 2)
        found = explainer.integrate(
            chosen.inputs, chosen.sequences, np.full(len(chosen), explainer.season)
        )
        off = np.abs(found[:, :-1] - expected).max(axis=1)
        assert (off <= most * unit).all()


def test_contributions_of_a_linear_network_are_known(prior, customers):
    """Where log f is linear, each log difference is worth the logarithmic mean of f."""
    network = network_of(customers, hidden_units=(), members=1)
    network = replace(network, level=Level.none())
    typical = customers.take(np.array([0]))
    inputs = np.repeat(typical.inputs, 2, axis=0)
    places = [CUSTOMER_INPUTS.index(name) for name in ("amount_last", "items")]
    inputs[0, places] += [0.7, -0.4]
    inputs[1, places] += [0.2, 0.5]
    inputs = np.clip(
        inputs, network.customer_scaling.low, network.customer_scaling.high
    )
    explainer = explainer_of(network, prior, typical)
    found = explainer.integrate(inputs, None, np.zeros(2))
    kernel = network.members[0][0][: len(CUSTOMER_INPUTS), 1]
    logs = (inputs - typical.inputs) / network.customer_scaling.spread * kernel
    total = logs.sum(axis=1, keepdims=True)
    mean = explainer.baseline * np.expm1(total) / total
    assert np.abs(total).min() > 1e-3
    assert found[:, :-1] == pytest.approx(logs * mean, rel=1e-3, abs=1e-4)
    assert (found[:, -1] == 0).all()


@pytest.mark.parametrize(
    ("encoder", "mean", "most"),
    [("dense", 0.002, 0.01), ("cnn", 0.005, 0.02), ("rnn", 0.006, 0.025)],
)
def test_integration_misses_little_of_the_prediction(
    prior, features, encoder, mean, most
):
    everybody = Customers.from_arrow(features)
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
def test_the_typical_customer_is_all_baseline(prior, customers, encoder):
    typical = customers.take(np.array([0]))
    network = replace(network_of(customers, encoder), level=Level.none())
    explainer = explainer_of(network, prior, typical)
    found = explainer.explain(typical, explainer.forecast(typical))
    assert found == pytest.approx(0, abs=1e-3 * explainer.baseline)


def test_what_a_shorter_horizon_had_more_goes_to_season(prior, customers):
    network = replace(network_of(customers), level=Level.none())
    typical = customers.take(np.array([0]))
    explainer = explainer_of(network, prior, typical)
    doubled = 2 * explainer.forecast(typical)
    found = explainer.explain(typical, doubled)[0]
    assert found[-1] == pytest.approx(doubled[0] / 2, rel=1e-3)
    assert np.abs(found[:-1]).max() < 1e-3 * doubled[0]


@pytest.fixture(scope="module", params=ENCODER_SHAPES)
def network(request, features):
    return network_of(Customers.from_arrow(features), request.param)


@pytest.fixture(scope="module")
def networks(network, prior):
    """A table of clv_network with one accepted row."""
    row = {
        "network_version": "good",
        "trained_at": datetime(2025, 3, 1),
        "as_of_date": date(2025, 1, 20),
        "prior": prior.to_json(),
        "weights": network.to_bytes(),
        "is_accepted": True,
    }
    return pa.Table.from_pylist([row], schema=registry.SCHEMA)


def tables(networks, features, scored_by=None, horizons=(30, HORIZON), most=10**6):
    """What explain and weigh give after scoring by some networks, and the scores."""
    with duckdb.connect() as connection:
        scorers = networks if scored_by is None else scored_by
        for name, rows in {"scorers": scorers, "features": features}.items():
            connection.register(name, rows)
        scored = scoring.score(
            connection.table("scorers"), connection.table("features"), horizons
        )
        scores = pa.table(scored)
        connection.register("networks", networks)
        connection.register("scores", scores)
        given = [connection.table(name) for name in ("networks", "features", "scores")]
        explained = pa.table(explanation.explain(*given, most))
        return explained, explanation.weigh(*given), scores


@pytest.mark.parametrize("is_network", [True, False])
def test_reasons_and_baseline_add_up_to_the_longest_prediction(
    network, networks, features, is_network
):
    config = network.config if is_network else NetworkConfig()
    explained, weighed, scores = tables(
        networks.slice(not is_network), features.select(config.columns)
    )
    predicted = {
        row["customer_key"]: row["predicted_spend"]
        for row in scores.to_pylist()
        if row["horizon_days"] == HORIZON
    }
    assert len(explained) == len(predicted) == weighed["customers"][0].as_py()
    for row in explained.to_pylist():
        total = row["baseline"] + sum(row[reason] for reason in explanation.REASONS)
        assert total == pytest.approx(predicted[row["customer_key"]], abs=1e-6)
        assert row["network_version"] == ("good" if is_network else None)
    names = weighed["feature"].to_pylist()
    assert set(names) & set(SEQUENCES) == set(config.sequences)
    for reason in explanation.REASONS:
        means = [
            row["mean_contribution"]
            for row in weighed.to_pylist()
            if row["reason"] == reason
        ]
        assert sum(means) == pytest.approx(
            explained[reason].to_numpy().mean(), abs=1e-6
        )


def test_the_most_valuable_customers_are_explained(networks, features):
    explained, _, scores = tables(networks, features, most=7)
    longest = [row for row in scores.to_pylist() if row["horizon_days"] == HORIZON]
    best = sorted(longest, key=lambda row: -row["predicted_spend"])[:7]
    assert explained["customer_key"].to_pylist() == [
        row["customer_key"] for row in best
    ]


def test_batches_do_not_change_the_contributions(networks, features, monkeypatch):
    whole = tables(networks, features)
    monkeypatch.setattr(explanation, "BATCH_ROWS", 7)
    parts = tables(networks, features)
    for one, other, name in (
        (whole[0], parts[0], "how_often"),
        (whole[1], parts[1], "mean_absolute_contribution"),
    ):
        assert other[name].to_numpy() == pytest.approx(
            one[name].to_numpy(), rel=1e-3, abs=1e-3
        )


def test_scores_of_another_network_are_not_explained(networks, features):
    with pytest.raises(ValueError, match="by network None"):
        tables(networks, features, scored_by=networks.slice(1))


def test_no_customers_give_no_explanations(networks, features):
    explained, weighed, _ = tables(networks, features.slice(0, 0))
    assert explained.schema == explanation.CONTRIBUTIONS
    assert weighed.schema == explanation.IMPORTANCE
    assert len(explained) == len(weighed) == 0


def test_a_single_customer_is_explained(features):
    explained, _, scores = tables(registry.SCHEMA.empty_table(), features.slice(0, 1))
    assert explained["baseline"][0].as_py() == pytest.approx(
        scores["predicted_spend"].to_numpy().max(), rel=1e-3
    )


def test_explaining_imports_no_tensorflow():
    code = (
        "import sys, clv_warehouse.clv.explanation; print('tensorflow' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
