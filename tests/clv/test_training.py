"""Tests training: losses against other implementations, determinism, calibration."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression, TweedieRegressor
from sklearn.metrics import log_loss, mean_tweedie_deviance

from clv_warehouse.clv.belief import belief_in
from clv_warehouse.clv.level import Cells, anchored
from clv_warehouse.clv.losses import losses_of, tweedie_deviance
from clv_warehouse.clv.network import (
    Level,
    Network,
    NetworkConfig,
    Outlook,
    Scaling,
    untrained,
)
from clv_warehouse.clv.observations import Observations, calendar_shares
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.sharpness import of_chance, of_spend, sharpness_of
from clv_warehouse.clv.training import build_model, split_in_time, train
from clv_warehouse.clv.tuning import TUNING
from clv_warehouse.learning.progress import Progress
from simulated import shop

SMALL = NetworkConfig(hidden_units=(16, 8), epochs=3)


@pytest.fixture(scope="module")
def observations():
    return Observations.from_arrow(*shop())


@pytest.fixture(scope="module")
def prior(observations):
    return Prior.fit(observations.history)


@pytest.fixture(scope="module")
def today(observations):
    return latest(observations)


@pytest.fixture(scope="module")
def network(observations, prior, today):
    return train(observations, prior, today, SMALL, Progress("test"))


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


@pytest.mark.parametrize("encoder", ["dense", "cnn", "rnn"])
def test_numpy_computes_what_keras_does(observations, prior, encoder):
    config = replace(SMALL, encoder=encoder)
    model = build_model(config, seed=1)
    random = np.random.default_rng(0)
    arrays = [random.normal(0, 0.3, each.shape) for each in model.get_weights()]
    model.set_weights(arrays)
    member = tuple(each.astype(np.float32) for each in arrays)
    network = untrained(config)
    encoding = len(network.encoders[0])
    sequences = observations.customers.sequences
    flat = sequences.reshape(len(sequences), -1)
    pairs = Outlook.of(prior, observations, 1.0).inputs
    network = replace(
        network,
        customer_scaling=Scaling.fit(observations.customers.inputs),
        pair_scaling=Scaling.fit(pairs),
        sequence_scaling=Scaling.fit(flat),
        encoders=(member[:encoding],),
        members=(member[encoding:],),
    )
    inputs = observations.customers.inputs[observations.row]
    scaled = [network.customer_scaling(inputs), network.pair_scaling(pairs)]
    if encoding:
        scaled.append(network.sequence_scaling(flat[observations.row]))
    expected = np.asarray(model(np.hstack(scaled), training=False))
    layer = network.customer_layer(inputs, sequences[observations.row])
    found = network.forward(layer, pairs)
    assert np.abs(expected).max() > 0.5
    assert found == pytest.approx(expected, abs=1e-4)
    again = Network.from_bytes(network.to_bytes())
    assert again.to_bytes() == network.to_bytes()


@pytest.mark.parametrize("encoder", ["cnn", "rnn"])
def test_encoders_learn_from_the_purchases(observations, prior, today, encoder):
    config = replace(SMALL, encoder=encoder)
    trained = [
        train(observations, prior, today, config, Progress("test")) for _ in range(2)
    ]
    assert trained[0].to_bytes() == trained[1].to_bytes()
    assert trained[0].corrects
    customers = observations.customers
    layers = [
        trained[0].customer_layer(customers.inputs, sequences)[0]
        for sequences in (customers.sequences, 0 * customers.sequences)
    ]
    assert not np.allclose(*layers)
    with pytest.raises(ValueError, match="purchase_days_before"):
        trained[0].customer_layer(customers.inputs)


def test_the_same_data_in_any_order_train_the_same_network(network):
    random = np.random.default_rng(5)
    features, targets = (table.take(random.permutation(len(table))) for table in shop())
    again = Observations.from_arrow(features, targets)
    prior, today = Prior.fit(again.history), latest(again)
    other = train(again, prior, today, SMALL, Progress("test"))
    assert other.to_bytes() == network.to_bytes()


def test_later_observations_begin_where_the_earlier_have_ended(observations):
    earlier, later = split_in_time(observations, 1 / 3)
    assert earlier.any() and later.any()
    last_known = observations.where(earlier).end_date.max()
    assert last_known <= observations.where(later).as_of_date.min()


def test_the_network_is_believed_unless_the_prior_is_clearly_better():
    count = 20_000
    random = np.random.default_rng(2)
    network, prior = random.normal(0, 1, (2, count))
    spend = np.exp(network + random.normal(-0.125, 0.5, count))
    bought = random.random(count) < 1 / (1 + np.exp(-prior))
    # Levels apart: what all share is no part of the judgement.
    outcomes = np.column_stack([bought, 5 * spend])
    outputs = np.tile(network[:, None], 4) * [1, 1, 1, 0]
    offsets = np.tile(prior[:, None], 4) * [1, 1, 1, 0]

    def belief(customers):
        cells = Cells(
            np.zeros(customers, dtype=int),
            np.array(["2024-01-01"], "datetime64[D]"),
            np.array([30]),
            np.array([customers]),
        )
        rows = slice(customers)
        _, belief, kept = belief_in(
            cells, outcomes[rows], outputs[rows], offsets[rows], TUNING
        )
        return belief, kept

    # Spend follows the network, the chance of buying the prior, as sharply as it says.
    believed, kept = belief(count)
    assert believed / (believed + kept) == pytest.approx([0, 0.75, 0.75, 1])
    assert kept[0] == pytest.approx(1, abs=0.05)
    # Of ten customers nobody can say what is better, or how sharp it should be.
    believed, kept = belief(10)
    assert believed[0] / (believed[0] + kept[0]) == pytest.approx(0.75)
    assert believed + kept == pytest.approx(1, abs=0.1)


def four_cells(row):
    return Cells(
        row,
        np.array(["2024-01-01"] * 4, "datetime64[D]"),
        np.array([30, 91, 182, 365]),
        np.bincount(row),
    )


def test_sharpness_of_a_chance_is_that_of_a_logistic_regression_with_constants():
    count = 40_000
    random = np.random.default_rng(5)
    row = random.integers(0, 4, count)
    log_odds = random.normal(-1, 1, count) - row
    bought = random.random(count) < 1 / (1 + np.exp(-1.3 * log_odds - row))
    regression = LogisticRegression(C=np.inf, tol=1e-8)
    regression.fit(np.column_stack([log_odds, np.eye(4)[row][:, 1:]]), bought)
    cells = four_cells(row)
    found = sharpness_of(cells, bought, log_odds, of_chance, 100.0)
    assert found == pytest.approx(regression.coef_[0, 0], abs=1e-3)
    assert found == pytest.approx(1.3, abs=0.05)
    # Whoever expects little of it, stays closer to 1.
    assert 1 < sharpness_of(cells, bought, log_odds, of_chance, 0.02) < found - 0.05


def test_sharpness_of_spend_is_that_of_a_tweedie_regression_with_constants():
    count = 40_000
    random = np.random.default_rng(6)
    row = random.integers(0, 4, count)
    log_mean = random.normal(0, 0.8, count)
    spend = np.exp(1.2 * log_mean - row) * random.gamma(0.5, 2, count)
    regression = TweedieRegressor(power=1.5, alpha=0, tol=1e-8, max_iter=1000)
    regression.fit(np.column_stack([log_mean, np.eye(4)[row][:, 1:]]), spend)
    found = sharpness_of(four_cells(row), spend, log_mean, of_spend, 100.0)
    assert found == pytest.approx(regression.coef_[0], abs=1e-3)
    assert found == pytest.approx(1.2, abs=0.05)


@pytest.mark.parametrize("slopes", [of_chance, of_spend])
@pytest.mark.parametrize("came", [0.0, 1.0])
def test_sharpness_stays_a_number_where_all_do_alike(came, slopes):
    cells = four_cells(np.arange(60) % 4)
    for outputs in (np.linspace(-9, 9, 60), np.zeros(60)):
        found = sharpness_of(cells, np.full(60, came), outputs, slopes, 0.2)
        assert -0.5 < found < 2


def test_a_timid_network_is_made_sharper():
    count = 20_000
    random = np.random.default_rng(7)
    log_odds = random.normal(0, 1, count)
    bought = random.random(count) < 1 / (1 + np.exp(-log_odds))
    outcomes = np.column_stack([bought, np.exp(log_odds - 0.5)])
    timid = np.column_stack([0.7 * log_odds, 0.7 * log_odds, log_odds, 0 * log_odds])
    cells = four_cells(np.arange(count) % 4)
    _, belief, kept = belief_in(cells, outcomes, timid, timid, TUNING)
    chance, spend, *others = belief + kept
    assert chance == pytest.approx(1 / 0.7, rel=0.06)
    # A quarter of that counts for spend.
    assert spend == pytest.approx(1 + TUNING.sharpness[1] * (1 / 0.7 - 1), rel=0.01)
    assert others == [1, 1]


def test_a_network_moves_no_total(observations, prior, today, network):
    level = anchored(network, prior, today, Level.none(), TUNING.level_days)
    rows = np.arange(len(today))
    for days in (91, 273):
        judged = Observations(today, rows, np.full(len(today), days))
        forecast = replace(network, level=level).predict(prior, judged)
        history = judged.history
        assert forecast.spend.sum() == pytest.approx(
            prior.expected_spend(history, days).sum(), rel=0.01
        )
        assert forecast.chance.sum() == pytest.approx(
            prior.chance_of_buying(history, days).sum(), rel=0.01
        )


def test_the_level_follows_what_all_windows_have_in_common(observations, prior):
    outlook = Outlook.of(prior, observations, 1.0)
    cells = Cells.of(observations)
    levels = []
    for factor in (1, 0.5):
        outcomes = np.column_stack(
            [observations.purchases > 0, observations.spend * factor]
        )
        errors = cells.errors(outcomes, outlook.offsets, 2)
        level = cells.level(*errors, np.datetime64("2025-03-01"), TUNING)
        levels.append(level(np.array([91]), even_year())[0])
    change = levels[1] - levels[0]
    # Towards log(1/2), and drawn to zero on the way there.
    assert np.log(0.5) < change[1] < -0.05
    assert change[0] == pytest.approx(0, abs=1e-6)


def test_where_the_log_spend_of_buyers_lies_is_learnt_from_all_windows():
    first = np.datetime64("2022-01-01")
    origins, horizons = np.arange(0, 720, 60), np.tile([30, 91], 6)
    cells = Cells(np.arange(12), first + origins, horizons, np.full(12, 1000))
    off = np.full((12, 4), 0.2)
    level = cells.level(off, np.full(off.shape, 1e-4), first + 800, TUNING)
    # What all windows share holds for a horizon that was never seen.
    _, spend, location, _ = level(np.array([273]), even_year())[0]
    assert location == pytest.approx(0.2, abs=0.05)
    assert spend < 0.12


def test_what_only_a_history_starts_with_does_not_go_on():
    first = np.datetime64("2022-01-01")
    origins = np.arange(0, 720, 30)
    cells = Cells(
        np.arange(len(origins)),
        first + origins,
        np.full(len(origins), 30),
        np.full(len(origins), 1000),
    )
    off = np.zeros((len(origins), 4))
    off[:, 1] = 0.5 * np.exp(-origins / 120)
    level = cells.level(off, np.full(off.shape, 1e-4), first + 720, TUNING)
    assert level(np.array([30]), even_year())[0, 1] == pytest.approx(0, abs=0.03)


def test_the_level_says_neither_too_much_nor_too_little_of_the_months_to_come():
    # Worlds of one year, as Tuning describes them. A posterior mean is right on
    # average: of worlds in which it says 0.3, the mean truth is 0.3.
    random = np.random.default_rng(4)
    first = np.datetime64("2023-01-01")
    origins = np.arange(0, 390, 30)
    calendar = calendar_shares(first + origins, np.full(len(origins), 30))
    cells = Cells(
        np.arange(len(origins)),
        first + origins,
        np.full(len(origins), 30),
        np.full(len(origins), 1000),
    )
    off = np.zeros((len(origins), 4))
    said, true = [], []
    for _ in range(400):
        months = random.normal(0, TUNING.month_effect, 12)
        horizon = random.normal(0, TUNING.horizon_effect)
        start = random.normal(0, TUNING.start_effect)
        drift = random.normal(0, TUNING.drift, len(origins))
        decay = np.exp(-origins / TUNING.start_days)
        off[:, 1] = calendar @ months + horizon + start * decay + drift
        level = cells.level(off, np.full(off.shape, 1e-4), first + 3650, TUNING)
        said.append(level(np.array([30]), calendar)[:, 1])
        true.append(calendar @ months + horizon)
    said, true = np.concatenate(said), np.concatenate(true)
    assert np.polyfit(said, true, 1)[0] == pytest.approx(1, abs=0.05)
    assert said.std() > TUNING.month_effect / 3


def test_a_month_in_which_nobody_buys_counts_as_an_eighth_of_what_was_expected(
    observations,
):
    cells = Cells.of(observations)
    outcomes = np.zeros((len(observations), 2))
    off, _ = cells.errors(outcomes, np.zeros((len(observations), 4)), TUNING.most_off)
    # Log odds, and the log of spend: Tuning says two at most.
    assert off[:, :2] == pytest.approx(-2)


def test_cells_measure_the_mean_error(observations):
    cells = Cells.of(observations)
    count = len(observations)
    # Expecting a third of what the cell spends on average.
    mean = np.bincount(cells.row, observations.spend) / cells.customers
    outputs = np.zeros((count, 4))
    outputs[:, 1] = np.log(mean / 3)[cells.row]
    outcomes = np.column_stack([observations.purchases > 0, observations.spend])
    off, _ = cells.errors(outcomes, outputs, 2)
    assert off[:, 1] == pytest.approx(np.log(3))
    centred = cells.centred(outcomes, outputs, 2)
    chance = np.bincount(cells.row, 1 / (1 + np.exp(-centred[:, 0])))
    assert chance == pytest.approx(np.bincount(cells.row, outcomes[:, 0]), rel=1e-3)


def test_nobody_who_spends_again_leaves_the_prior(observations, prior, today):
    nothing = replace(
        observations,
        spend=np.zeros(len(observations)),
        purchases=np.zeros(len(observations), dtype=int),
    )
    for empty in (nothing, nothing.where(np.zeros(len(nothing), dtype=bool))):
        network = train(empty, prior, today, SMALL, Progress("test"))
        found = network.predict(prior, observations).spend
        expected = prior.expected_spend(observations.history, observations.horizon_days)
        assert found == pytest.approx(np.maximum(expected, 1e-3), rel=1e-4)


def latest(observations):
    customers = observations.customers
    return customers.take(customers.as_of_date == customers.as_of_date.max())


def even_year():
    return np.full((1, 12), 1 / 12, dtype=np.float32)


def test_a_shop_of_one_price_is_forecast():
    observations = Observations.from_arrow(*shop(customers=400, price=10.0))
    prior = Prior.fit(observations.history)
    today = latest(observations)
    network = train(observations, prior, today, SMALL, Progress("test"))
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
    today = latest(observations)
    network = train(observations, prior, today, SMALL, Progress("test"))
    assert not network.corrects
    np.testing.assert_allclose(
        network.predict(prior, observations).chance,
        prior.chance_of_buying(observations.history, observations.horizon_days),
        atol=1e-3,
    )
