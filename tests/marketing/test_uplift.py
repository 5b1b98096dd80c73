"""Holds effects and the judgement of rankings against formulas computed otherwise."""

import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.marketing.basis import Basis
from clv_warehouse.marketing.effects import (
    Average,
    Cases,
    Ranking,
    average,
    judged,
    pseudo_outcomes,
    shrunken,
)
from clv_warehouse.marketing.linear import Linear
from clv_warehouse.marketing.qini import Qini, qini
from clv_warehouse.marketing.training import features, learned, of_offers

FEATURES = ("amount", "is_new", "channel", "noise")


def experiment(customers: int, seed: int, effect: float, kind: str = "amount") -> Cases:
    """Make up an experiment whose effect depends on a feature, or on none."""
    draw = np.random.default_rng(seed)
    amount = draw.gamma(1.0, 10.0, customers)
    is_new = draw.random(customers) < 0.3
    channel = draw.choice(["search", "social", "mail"], customers)
    noise = draw.normal(size=customers)
    of = {
        "amount": amount > 10,
        "channel": channel == "mail",
        "none": np.zeros(customers),
    }
    treated = draw.random(customers) < 0.3
    outcome = amount + draw.normal(0, 5, customers) + effect * treated * of[kind]
    known = pa.table(
        {
            "amount": pa.array(amount, mask=draw.random(customers) < 0.05),
            "is_new": is_new,
            "channel": channel,
            "noise": noise,
            "empty": pa.nulls(customers, pa.float64()),
        }
    )
    number = np.arange(customers)
    chance = np.full(customers, 0.3)
    return Cases(known, outcome, treated, chance, number * 0, number)


def test_qini_is_what_scikit_uplift_computes():
    draw = np.random.default_rng(3)
    size = 400
    # Ties and empty sides at the top are what the formula is about.
    predicted = draw.integers(0, 40, size) / 10
    outcome = draw.integers(0, 2, size).astype(float)
    treated = draw.random(size) < 0.4
    # sklift.metrics.qini_curve: at each distinct score from the highest,
    # y_trmnt - y_ctrl * num_trmnt / num_ctrl, 0 where there is no untreated one.
    xs, ys = [0.0], [0.0]
    for score in sorted(set(predicted.tolist()), reverse=True):
        chosen = predicted >= score
        y_trmnt, num_trmnt = outcome[chosen & treated].sum(), (chosen & treated).sum()
        y_ctrl, num_ctrl = outcome[chosen & ~treated].sum(), (chosen & ~treated).sum()
        xs.append(chosen.sum())
        ys.append(y_trmnt - (y_ctrl * num_trmnt / num_ctrl if num_ctrl else 0))
    area = sum((xs[i] - xs[i - 1]) * (ys[i] + ys[i - 1]) / 2 for i in range(1, len(xs)))
    expected = (area - size * ys[-1] / 2) / size / treated.sum()
    found = qini(predicted, outcome, treated, np.full(size, 0.4), np.arange(size))
    # The share of customers is counted with weights there, so only nearly the same.
    assert found.area == pytest.approx(expected, rel=0.02)
    assert found.low < found.area < found.high


def test_qini_of_a_perfect_ranking_by_hand():
    # Two who bring 1 if treated come first, then two who bring nothing: the curve rises
    # to 1/2 at the middle and stays; the line goes to 1/2 at the end.
    predicted = np.array([1.0, 1.0, 0.0, 0.0])
    outcome = np.array([1.0, 0.0, 0.0, 0.0])
    treated = np.array([True, False, True, False])
    found = qini(predicted, outcome, treated, np.full(4, 0.5), np.arange(4))
    assert found.area == pytest.approx(1 / 8)


@pytest.mark.parametrize("treated", [np.zeros(4, bool), np.ones(4, bool)])
def test_one_arm_alone_ranks_nothing(treated):
    found = qini(np.arange(4.0), np.ones(4), treated, np.full(4, 0.5), np.arange(4))
    assert (found.area, found.beats_average) == (0.0, False)


@pytest.mark.parametrize("kind", ["amount", "channel"])
def test_an_effect_that_depends_on_a_feature_is_found(kind):
    cases = experiment(4_000, 1, 6.0, kind)
    assert judged(cases, FEATURES).beats_average
    ranking = Ranking.fit(cases.centred(), (*FEATURES, "empty"))
    effect, error = ranking.effects(cases.known)
    known = cases.known["amount"].fill_null(0).to_numpy() > 10
    if kind == "channel":
        known = np.array(cases.known["channel"].to_pylist()) == "mail"
    # Drawn to the average, for the readings are noisy.
    assert 3.0 < effect[known].mean() - effect[~known].mean() < 6.5
    assert (error > 0).all()


def test_chance_alone_hardly_ever_passes_the_gate():
    # One in 200 may. Of the seeds 1000 to 1099 one does at 400 customers, one at 2,000.
    passed = [
        judged(experiment(400, seed, 3.0, "none"), FEATURES).beats_average
        for seed in range(1000, 1005)
    ]
    assert sum(passed) <= 1


def test_average_effect_is_unbiased_and_its_error_holds():
    found = []
    for seed in range(60):
        cases = experiment(400, seed, 4.0).centred()
        basis = Basis.of(cases.known, FEATURES)
        found.append(average(cases, pseudo_outcomes(cases, basis)))
    effects = np.array([each.effect for each in found])
    errors = np.array([each.error for each in found])
    # Four exp(-1) is the mean: a gamma of shape 1 is above its scale with that chance.
    truth = 4 * np.exp(-1)
    assert effects.mean() == pytest.approx(truth, abs=3 * effects.std() / np.sqrt(60))
    assert 0.85 <= (np.abs(effects - truth) < 1.96 * errors).mean() <= 1.0


def test_linear_is_ridge_with_the_ratio_of_variances():
    draw = np.random.default_rng(2)
    columns = draw.normal(size=(300, 4))
    columns -= columns.mean(axis=0)
    target = columns @ np.array([2.0, 0.0, -1.0, 0.5]) + draw.normal(size=300)
    found = Linear.fit(columns, target)
    # Weights of ordinary least squares, hardly drawn to 0: the data say a lot.
    plain, *_ = np.linalg.lstsq(columns, target - target.mean(), rcond=None)
    assert found.weights == pytest.approx(plain, abs=0.02)
    # The error at the mean is that of a mean of 300 whose spread is 1.
    assert found.error(np.zeros((1, 4)))[0] == pytest.approx(1 / np.sqrt(300), rel=0.1)
    noise = Linear.fit(columns, draw.normal(size=300))
    assert np.abs(noise.weights).max() < 0.1


def test_groups_are_drawn_to_the_whole_by_how_unsure_they_are():
    whole = Average(1.0, 0.1, 100, 100)
    # Equal but for chance: all have the whole's effect.
    alike = {"a": Average(1.1, 0.5, 9, 9), "b": Average(0.9, 0.5, 9, 9)}
    assert shrunken(alike, whole)["a"].effect == pytest.approx(1.0)
    # Far apart: the sure one keeps its own, the unsure one less so.
    apart = {"a": Average(5.0, 0.1, 90, 90), "b": Average(-3.0, 2.0, 9, 9)}
    found = shrunken(apart, whole)
    assert found["a"].effect == pytest.approx(5.0, abs=0.05)
    assert -3.0 < found["b"].effect < -1.0


def test_a_feature_without_variance_and_an_outcome_without_variance():
    cases = experiment(300, 1, 0.0)
    known = cases.known.append_column("same", pa.array([1.0] * 300))
    flat = Cases(
        known,
        np.zeros(300),
        cases.is_treated,
        cases.chance,
        cases.experiment,
        cases.customer,
    )
    found = judged(flat, ("same", "amount"))
    assert (found.area, found.beats_average) == (0.0, False)
    effect, error = Ranking.fit(flat, ("same", "amount")).effects(known)
    assert np.abs(effect).max() == 0.0
    assert np.isfinite(error).all()


def cases_of(arms: list[str], margins: list[float]) -> pa.Table:
    """Rows of uplift_cases of one experiment, of whose customers nothing is known."""
    size = len(arms)
    rows = {
        "experiment_id": pa.array(["x"] * size, pa.string()),
        "customer_key": pa.array([f"c{number:03}" for number in range(size)]),
        "arm": pa.array(arms, pa.string()),
        "segment": pa.array(["loyal"] * size, pa.string()),
        "is_control": pa.array([arm == "control" for arm in arms], pa.bool_()),
        "share": pa.array([0.5] * size),
        "margin": pa.array(margins, pa.float64()),
    }
    return pa.table(rows | {name: pa.nulls(size, pa.float64()) for name in features()})


@pytest.mark.parametrize(
    "arms",
    [[], ["mail"], ["control"], ["mail"] * 9, ["control"] * 9, ["mail", "control"]],
    ids=["nobody", "one", "one control", "no control", "controls", "one each"],
)
def test_who_has_nobody_to_be_compared_with_teaches_nothing(arms):
    assert list(of_offers(cases_of(arms, [1.0] * len(arms)))) == []


def test_a_few_customers_who_are_all_alike_show_no_effect():
    ((name, cases, segments),) = of_offers(cases_of(["mail", "control"] * 3, [2.0] * 6))
    offer = learned(name, cases, segments, Qini(0.0, 0.0, 0.0))
    assert offer.average.effect == pytest.approx(0.0)
    assert (offer.average.error, offer.ranking) == (pytest.approx(0.0), None)


def test_an_offer_that_does_harm_is_said_to():
    arms = ["mail", "control"] * 100
    draw = np.random.default_rng(3)
    margins = [draw.normal(-5.0 if arm == "mail" else 0.0) for arm in arms]
    ((name, cases, segments),) = of_offers(cases_of(arms, margins))
    offer = learned(name, cases, segments, Qini(0.0, 0.0, 0.0))
    assert offer.average.effect == pytest.approx(-5.0, abs=4 * offer.average.error)
    assert offer.segments["loyal"].effect < 0
