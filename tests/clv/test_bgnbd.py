"""Compares BG/NBD with published figures, integrals and simulation."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats
from scipy.special import hyp2f1

from cdnow import WEEK, customer
from clv_warehouse.clv.bgnbd import BgNbd
from clv_warehouse.clv.history import History

PUBLISHED = BgNbd(r=0.243, alpha=4.414 * WEEK, a=0.793, b=2.426)


def buyers(n: int, age: NDArray, model: BgNbd, seed: int) -> tuple[History, list]:
    """Simulate BG/NBD customers; their history and all their purchase times."""
    random = np.random.default_rng(seed)
    rate = random.gamma(model.r, 1 / model.alpha, n)
    stop = random.beta(model.a, model.b, n)
    time, is_alive, horizon = np.zeros(n), np.ones(n, bool), 3 * age.max()
    times = []
    while is_alive.any():
        time = time + random.exponential(1 / rate)
        is_alive = is_alive & (time < horizon)
        times.append(np.where(is_alive, time, np.inf))
        is_alive = is_alive & (random.random(n) > stop)
    seen = [np.where(purchase <= age, purchase, 0) for purchase in times]
    history = History(
        frequency=np.sum([purchase > 0 for purchase in seen], axis=0),
        recency=np.max(seen, axis=0),
        age=age,
        monetary=np.ones(n),
    )
    return history, times


def posterior_mean(
    model: BgNbd, history: History, of_alive: Callable[[NDArray, NDArray], NDArray]
) -> float:
    """E[is alive x of_alive(rate, stop)] given one customer's history.

    Bayes' theorem on a grid of equally likely purchase rates and chances to stop;
    no formula of the paper. The likelihood of a history is rate^x exp(-rate recency)
    times (1 - stop)^x exp(-rate (age - recency)) if alive, or stop (1 - stop)^(x-1)
    if gone; its first two factors make the prior of the rate a gamma again.
    """
    x, recency, age = (
        column[0] for column in (history.frequency, history.recency, history.age)
    )
    middles = (np.arange(2_000) + 0.5) / 2_000
    rate = stats.gamma.ppf(middles, model.r + x, scale=1 / (model.alpha + recency))
    stop = stats.beta.ppf(middles, model.a, model.b)[:, None]
    alive = (1 - stop) ** x * np.exp(-rate * (age - recency))
    gone = stop * (1 - stop) ** (x - 1) if x > 0 else 0
    return (alive * of_alive(rate, stop)).mean() / (alive + gone).mean()


def test_cdnow_gives_the_published_bgnbd(cdnow: History) -> None:
    model = BgNbd.fit(cdnow)
    fitted = [model.r, model.alpha / WEEK, model.a, model.b]
    np.testing.assert_allclose(fitted, [0.243, 4.414, 0.793, 2.426], atol=5e-4)
    # The published likelihood is that of weeks: each repeat has a density in time.
    in_days = -9582.4 - cdnow.frequency.sum() * np.log(WEEK)
    assert model.log_likelihood(cdnow) == pytest.approx(in_days, abs=0.05)


def test_the_published_customer_buys_1_226_times() -> None:
    history = customer(2, 30.43 * WEEK, 38.86 * WEEK)
    expected = PUBLISHED.expected_purchases(history, 39 * WEEK)
    assert expected[0] == pytest.approx(1.226, abs=5e-4)


def test_expected_purchases_are_equation_10() -> None:
    x, age = np.meshgrid(np.arange(12.0), np.arange(20.0, 400, 30))
    x, age = x.ravel(), age.ravel()
    recency = np.where(x > 0, age * 0.7, 0)
    r, alpha, a, b = 0.6, 25.0, 1.7, 2.9
    horizon = 91.0
    z = horizon / (alpha + age + horizon)
    series = hyp2f1(r + x, b + x, a + b + x - 1, z)
    growth = 1 - (1 - z) ** (r + x) * series
    odds = (x > 0) * a / (b + np.maximum(x, 1) - 1)
    odds *= ((alpha + age) / (alpha + recency)) ** (r + x)
    published = (a + b + x - 1) / (a - 1) * growth / (1 + odds)
    expected = BgNbd(r, alpha, a, b).expected_purchases(
        History(x, recency, age, np.ones_like(x)), horizon
    )
    np.testing.assert_allclose(expected, published, rtol=1e-10)


@pytest.mark.parametrize("a", [0.05, 1.0, 1.0 + 1e-9, 6.0])
@pytest.mark.parametrize(("x", "age"), [(0, 0), (0, 500), (3, 40), (400, 700)])
def test_expected_purchases_where_equation_10_fails(a: float, x: int, age: int) -> None:
    """At a = 1 it divides zero by zero, at large x it overflows; an integral does not.

    An alive customer buys at time u from now at the rate E[rate exp(-rate stop u)].
    """
    r, alpha, b, horizon = 0.7, 20.0, 2.5, 365.0
    history = customer(x, age if x else 0, age)
    model = BgNbd(r, alpha, a, b)

    def rate_at(later: float) -> float:
        return (
            (r + x)
            / (alpha + age)
            * hyp2f1(r + x + 1, a, a + b + x, -later / (alpha + age))
        )

    alive = integrate.quad(rate_at, 0, horizon, epsabs=0, epsrel=1e-11)[0]
    expected = model.expected_purchases(history, horizon)[0]
    assert expected == pytest.approx(alive * model.p_alive(history)[0], rel=1e-7)


@pytest.mark.parametrize(
    ("x", "recency", "age"), [(0, 0, 200), (1, 10, 90), (4, 90, 99)]
)
def test_the_future_is_the_posterior_mean(x: int, recency: int, age: int) -> None:
    history, horizon = customer(x, recency, age), 120.0

    def alive(rate: NDArray, stop: NDArray) -> NDArray:
        return np.ones_like(rate)

    def buys(rate: NDArray, stop: NDArray) -> NDArray:
        return 1 - np.exp(-rate * horizon)

    def purchases(rate: NDArray, stop: NDArray) -> NDArray:
        return (1 - np.exp(-rate * stop * horizon)) / stop

    found = (
        PUBLISHED.p_alive(history)[0],
        PUBLISHED.chance_of_buying(history, horizon)[0],
        PUBLISHED.expected_purchases(history, horizon)[0],
    )
    integrals = [
        posterior_mean(PUBLISHED, history, f) for f in (alive, buys, purchases)
    ]
    np.testing.assert_allclose(found, integrals, rtol=1e-3)


def test_simulated_customers_buy_as_expected() -> None:
    model, horizon = BgNbd(0.8, 60.0, 0.9, 2.2), 180.0
    age = np.random.default_rng(5).integers(1, 400, 200_000).astype(float)
    history, times = buyers(len(age), age, model, seed=6)
    bought = sum((at > age) & (at <= age + horizon) for at in times)
    expected = model.expected_purchases(history, horizon)
    chance = model.chance_of_buying(history, horizon)
    for rows in (history.frequency == 0, history.frequency == 2, history.frequency > 5):
        error = bought[rows].std() / np.sqrt(rows.sum())
        assert abs(bought[rows].mean() - expected[rows].mean()) < 4 * error
        share = (bought[rows] > 0).mean()
        error = np.sqrt(share * (1 - share) / rows.sum())
        assert abs(share - chance[rows].mean()) < 4 * error


def test_fit_finds_what_made_the_data() -> None:
    truth = BgNbd(0.8, 60.0, 0.9, 2.2)
    history, _ = buyers(40_000, np.full(40_000, 400.0), truth, seed=7)
    fitted = BgNbd.fit(history)
    for name in ("r", "alpha", "a", "b"):
        assert getattr(fitted, name) == pytest.approx(getattr(truth, name), rel=0.1)
    assert fitted.log_likelihood(history) >= truth.log_likelihood(history)


def test_no_step_from_the_fit_is_likelier(cdnow: History) -> None:
    model = BgNbd.fit(cdnow)
    best = model.log_likelihood(cdnow)
    for name in ("r", "alpha", "a", "b"):
        for factor in (0.99, 1.01):
            moved = {**vars(model), name: getattr(model, name) * factor}
            assert BgNbd(**moved).log_likelihood(cdnow) < best
