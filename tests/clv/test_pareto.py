"""Compares Pareto/NBD with published figures, closed forms and simulation."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import gammaincc, gammaln, hyp2f1

from cdnow import WEEK, customer
from clv_warehouse.clv.history import History
from clv_warehouse.clv.pareto import ParetoNbd

PUBLISHED = ParetoNbd(r=0.5533, alpha=10.578 * WEEK, s=0.6063, beta=11.669 * WEEK)


def test_cdnow_gives_the_published_pareto_nbd(cdnow: History) -> None:
    model = ParetoNbd.fit(cdnow)
    fitted = [model.r, model.alpha / WEEK, model.s, model.beta / WEEK]
    np.testing.assert_allclose(fitted, [0.553, 10.578, 0.606, 11.669], atol=2e-3)
    # The published likelihood is that of weeks: each repeat has a density in time.
    in_days = -9595.0 - cdnow.frequency.sum() * np.log(WEEK)
    assert model.log_likelihood(cdnow) == pytest.approx(in_days, abs=0.05)


def test_the_way_from_a_near_model_ends_at_the_same_one(cdnow: History) -> None:
    near = ParetoNbd(r=0.6, alpha=90.0, s=0.4, beta=60.0)
    found, whole = ParetoNbd.fit(cdnow, near=near), ParetoNbd.fit(cdnow)
    for name, value in vars(whole).items():
        assert vars(found)[name] == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("x", "recency", "age"), [(0, 0, 1), (0, 0, 272), (2, 213, 272), (26, 215, 272)]
)
def test_likelihood_is_the_closed_form(x: int, recency: float, age: float) -> None:
    """Fader & Hardie (2005), equations 18 and 20, for alpha below beta."""
    model = PUBLISHED
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta

    def part(time: float) -> float:
        z = (beta - alpha) / (beta + time)
        return hyp2f1(r + s + x, r + x, r + s + x + 1, z) / (beta + time) ** (r + s + x)

    constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    still = (alpha + age) ** -(r + x) * (beta + age) ** -s
    gone = s / (r + s + x) * (part(recency) - part(age))
    history = customer(x, recency, age)
    # The order of arguments of the published function fits beta >= alpha.
    flipped = integrate.quad(
        lambda day: (alpha + day) ** -(r + x) * s * (beta + day) ** (-s - 1),
        recency,
        age,
        epsrel=1e-11,
    )[0]
    assert gone == pytest.approx(flipped, rel=1e-6) or beta < alpha
    assert model.log_likelihood(history) == pytest.approx(
        constant + np.log(still + flipped), abs=1e-7
    )
    odds, _ = model.odds_gone(*(np.array([float(v)]) for v in (x, recency, age)))
    assert odds[0] == pytest.approx(flipped / still, rel=1e-5)


def test_expected_purchases_are_the_integral_of_the_rate() -> None:
    """Who has not left buys at the mean rate as long as they are there."""
    x, age, horizon = 4.0, 120.0, 365.0
    model = PUBLISHED
    mean = (model.r + x) / (model.alpha + age)
    there = integrate.quad(
        lambda day: ((model.beta + age) / (model.beta + age + day)) ** model.s,
        0,
        horizon,
    )[0]
    found = model.purchases_if_alive(*(np.array([v]) for v in (x, age, horizon)))
    assert found[0, 0] == pytest.approx(mean * there, rel=1e-9)
    near = ParetoNbd(model.r, model.alpha, 1 + 1e-7, model.beta)
    exact = ParetoNbd(model.r, model.alpha, 1.0, model.beta)
    one, other = (
        each.purchases_if_alive(*(np.array([v]) for v in (x, age, horizon)))[0, 0]
        for each in (near, exact)
    )
    assert one == pytest.approx(other, rel=1e-6)


def test_likelihood_of_a_rhythm_is_the_integral_over_rates_and_days() -> None:
    """A gap that lasts already t days has had fewer than all stages: gamma's tail."""
    model, x, recency, age = ParetoNbd(1.5, 20.0, 0.7, 90.0, stages=3), 2, 50.0, 80.0
    of_rates = stats.gamma(model.r, scale=1 / model.alpha)

    def quiet(day: float) -> float:
        return integrate.quad(
            lambda rate: (
                of_rates.pdf(rate)
                * rate ** (3 * x)
                * np.exp(-rate * recency)
                * gammaincc(3, rate * (day - recency))
            ),
            0,
            1,
        )[0]

    leaves = stats.lomax(model.s, scale=model.beta)
    gone = integrate.quad(lambda day: leaves.pdf(day) * quiet(day), recency, age)[0]
    still = leaves.sf(age) * quiet(age)
    assert model.log_likelihood(customer(x, recency, age)) == pytest.approx(
        np.log(gone + still), abs=1e-6
    )
    odds, _ = model.odds_gone(*(np.array([float(v)]) for v in (x, recency, age)))
    assert odds[0] == pytest.approx(gone / still, rel=1e-5)


@pytest.mark.parametrize(
    "model",
    [ParetoNbd(0.8, 60.0, 0.7, 90.0), ParetoNbd(2.4, 60.0, 0.7, 90.0, stages=3)],
    ids=["at random", "at a rhythm"],
)
def test_simulated_customers_buy_as_expected(model: ParetoNbd) -> None:
    horizon, count = 180.0, 100_000
    random = np.random.default_rng(5)
    age = random.integers(1, 400, count).astype(float)
    rate = random.gamma(model.r, 1 / model.alpha, count)
    life = random.exponential(1 / random.gamma(model.s, 1 / model.beta, count))
    time, past = np.zeros(count), np.zeros(count)
    recency, later = np.zeros(count), np.zeros(count)
    while True:
        time = time + random.gamma(model.stages, 1 / rate)
        bought = time < np.minimum(life, age + horizon)
        if not bought.any():
            break
        known = bought & (time <= age)
        past += known
        recency = np.where(known, time, recency)
        later += bought & (time > age)
    history = History(past, recency, age, np.ones(count))
    expected = model.expected_purchases(history, horizon)
    chance = model.chance_of_buying(history, horizon)
    for rows in (past == 0, past == 2, past > 5):
        error = later[rows].std() / np.sqrt(rows.sum())
        assert abs(later[rows].mean() - expected[rows].mean()) < 4 * error
        share = (later[rows] > 0).mean()
        error = np.sqrt(share * (1 - share) / rows.sum())
        assert abs(share - chance[rows].mean()) < 4 * error
    newcomers = model.repeats_by(np.array([100.0]))[0]
    assert newcomers == pytest.approx(
        model.purchases_if_alive(np.zeros(1), np.zeros(1), np.array([100.0]))[0, 0]
    )


def test_half_of_who_still_buy_have_bought_by_the_day_of_the_rhythm() -> None:
    """With hardly anybody leaving, the chance by that day is a half."""
    model = ParetoNbd(4.0, 50.0, 1e-6, 1e6, stages=4)
    history = customer(9, 280.0, 290.0)
    (days,) = model.days_to_next(history)
    assert model.chance_of_buying(history, days)[0] == pytest.approx(0.5, abs=0.02)


def test_who_is_long_overdue_has_left_for_sure() -> None:
    model = ParetoNbd(5.6, 40.0, 0.8, 300.0, stages=8)
    x, recency, age = (np.array([value]) for value in (90.0, 630.0, 1_000.0))
    odds, slopes = model.odds_gone(x, recency, age)
    assert 1e100 < odds[0] < np.inf
    assert np.isfinite(slopes).all()


def test_no_step_from_the_fit_is_likelier(cdnow: History) -> None:
    model = ParetoNbd.fit(cdnow)
    best = model.log_likelihood(cdnow)
    for name in ("r", "alpha", "s", "beta"):
        for factor in (0.99, 1.01):
            moved = {**vars(model), name: getattr(model, name) * factor}
            assert ParetoNbd(**moved).log_likelihood(cdnow) < best
