"""Compares the prior with published figures, integrals and simulation."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats
from scipy.special import gammaln, hyp2f1

from benchmarks.data import CDNOW_SAMPLE
from clv_warehouse.clv.prior import BgNbd, GammaGamma, History, Prior

WEEK = 7.0
PUBLISHED = BgNbd(r=0.243, alpha=4.414 * WEEK, a=0.793, b=2.426)


@pytest.fixture(scope="module")
def cdnow(public_data: Callable[[str], Path]) -> History:
    """The CDNOW sample over its first 39 weeks, amounts of repeat purchases only."""
    purchases = pd.read_csv(
        public_data(CDNOW_SAMPLE),
        sep=r"\s+",
        names=["master_id", "customer", "date", "discs", "amount"],
    )
    purchases["date"] = pd.to_datetime(purchases["date"].astype(str))
    end = pd.Timestamp("1997-09-30")
    known = purchases[purchases["date"] <= end]
    days = known.groupby(["customer", "date"], as_index=False)["amount"].sum()
    customers = days.groupby("customer")
    first, last = customers["date"].min(), customers["date"].max()
    repeats = (customers.size() - 1).to_numpy()
    repeat_spend = (customers["amount"].sum() - customers["amount"].first()).to_numpy()
    return History(
        frequency=repeats,
        recency=(last - first).dt.days.to_numpy(),
        age=(end - first).dt.days.to_numpy(),
        monetary=repeat_spend / np.maximum(repeats, 1),
        purchases=repeats,
    )


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


def customer(frequency: float, recency: float, age: float, mean: float = 1) -> History:
    return History(*(np.array([value]) for value in (frequency, recency, age, mean)))


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


def test_cdnow_gives_the_published_gamma_gamma(cdnow: History) -> None:
    model = GammaGamma.fit(cdnow)
    np.testing.assert_allclose(
        [model.p, model.q, model.gamma], [6.25, 3.74, 15.44], atol=5e-3
    )


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


def test_weights_stand_for_rows(cdnow: History) -> None:
    columns = np.column_stack(
        [cdnow.frequency, cdnow.recency, cdnow.age, cdnow.monetary, cdnow.purchases]
    )
    twice = np.concatenate([columns, columns[:800]])
    weighted = np.where(np.arange(len(columns)) < 800, 2.0, 1.0)
    repeated = Prior.fit(History(*twice.T))
    counted = Prior.fit(History(*columns.T, weights=weighted))
    for one, other in (
        (repeated.bgnbd, counted.bgnbd),
        (repeated.gamma_gamma, counted.gamma_gamma),
    ):
        np.testing.assert_allclose(
            list(vars(one).values()), list(vars(other).values()), rtol=1e-4
        )


def test_gamma_gamma_is_the_posterior_mean() -> None:
    """The amounts of a customer are gamma (p, v), v is gamma (q, gamma): by Bayes."""
    model, purchases, mean = GammaGamma(p=4.5, q=2.6, gamma=30.0), 3, 55.0
    rates = stats.gamma(model.q, scale=1 / model.gamma)
    means = stats.gamma(model.p * purchases)

    def weight(v: float) -> float:
        return rates.pdf(v) * means.pdf(mean * purchases * v) * v

    amount = integrate.quad(lambda v: model.p / v * weight(v), 0, 3, epsrel=1e-10)[0]
    amount /= integrate.quad(weight, 0, 3, epsrel=1e-10)[0]
    history = customer(purchases - 1, 5, 9, mean)
    assert model.expected_amount(history)[0] == pytest.approx(amount, rel=1e-6)


def test_gamma_gamma_finds_what_made_the_data() -> None:
    random = np.random.default_rng(8)
    purchases = random.integers(1, 6, 50_000)
    level = random.gamma(3.0, 1 / 40.0, 50_000)
    mean = random.gamma(5.0 * purchases, 1 / level) / purchases
    zeros = np.zeros(50_000)
    fitted = GammaGamma.fit(History(purchases - 1, zeros, zeros, mean))
    np.testing.assert_allclose(
        [fitted.p, fitted.q, fitted.gamma], [5, 3, 40], rtol=0.06
    )


def test_the_gamma_gamma_fit_is_the_likeliest() -> None:
    """The fit maximises a density written down anew here."""
    random = np.random.default_rng(9)
    mean = stats.lognorm(0.8, scale=30).rvs(3_000, random_state=random)
    zeros = np.zeros(3_000)
    fitted = GammaGamma.fit(History(zeros + 1, zeros, zeros, mean))

    def log_density(p: float, q: float, gamma: float) -> float:
        shape = 2 * p
        return float(
            np.sum(
                gammaln(shape + q)
                - gammaln(shape)
                - gammaln(q)
                + q * np.log(gamma)
                + (shape - 1) * np.log(mean)
                + shape * np.log(2)
                - (shape + q) * np.log(gamma + 2 * mean)
            )
        )

    best = log_density(**vars(fitted))
    for name in ("p", "q", "gamma"):
        for factor in (0.97, 1.03):
            moved = {**vars(fitted), name: getattr(fitted, name) * factor}
            assert log_density(**moved) < best


def test_features_become_a_history() -> None:
    """Five purchase days, the first 100 and the last 30 days ago."""
    history = History.from_features(
        frequency=np.array([5, 1]),
        recency_days=np.array([30, 12]),
        tenure_days=np.array([100, 12]),
        amount_mean=np.array([20.0, 8.0]),
    )
    assert history.frequency.tolist() == [4, 0]
    assert history.recency.tolist() == [70, 0]
    assert history.age.tolist() == [100, 12]
    assert history.purchases.tolist() == [5, 1]
    assert len(history) == 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1], [9], [5], [1]), "recency 9.0 exceeds age 5.0"),
        (([-1], [0], [5], [1]), "frequency must be finite and at least 0, found -1"),
        (([1], [2], [5], [np.nan]), "monetary must be finite"),
        (([1], [2], [5, 6], [1]), "age has shape"),
    ],
)
def test_an_impossible_history_is_refused(columns: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        History(*(np.array(column) for column in columns))


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(History(*np.zeros((4, 0))), id="nobody"),
        pytest.param(customer(0, 0, 0, 10), id="one customer, today"),
        pytest.param(customer(500, 600, 601, 1e6), id="one customer, every day"),
        pytest.param(
            History(np.zeros(99), np.zeros(99), np.arange(99), np.full(99, 10)),
            id="nobody repeats",
        ),
        pytest.param(
            History(np.full(99, 3), np.full(99, 40), np.full(99, 50), np.full(99, 10)),
            id="all alike",
        ),
        pytest.param(
            History(np.ones(9), np.ones(9), np.full(9, 30), np.zeros(9)),
            id="no money",
        ),
    ],
)
def test_a_prior_comes_out_of_any_history(history: History) -> None:
    prior = Prior.fit(history)
    someone = History(
        np.array([0, 0, 2, 900]),
        np.array([0, 0, 20, 990]),
        np.array([0, 900, 21, 991]),
        np.array([0, 10, 50, 50]),
    )
    horizons = [1, 30, 365]
    spend = np.array([prior.expected_spend(someone, h) for h in horizons])
    chance = np.array([prior.chance_of_buying(someone, h) for h in horizons])
    assert np.isfinite(spend).all()
    assert (spend >= 0).all()
    assert (np.diff(spend, axis=0) >= 0).all()
    assert ((chance >= 0) & (chance <= 1)).all()
    assert (np.diff(chance, axis=0) >= 0).all()


def test_equal_amounts_are_expected_again() -> None:
    history = History(np.full(99, 3), np.full(99, 40), np.full(99, 50), np.full(99, 10))
    amount = GammaGamma.fit(history).expected_amount(history)
    np.testing.assert_allclose(amount, 10, rtol=1e-2)


def test_who_shows_no_amount_is_expected_to_spend_the_mean() -> None:
    model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
    amounts = model.expected_amount(customer(0, 0, 9, 0))
    assert amounts[0] == pytest.approx(6.25 * 15.44 / 2.74)


def test_a_horizon_per_customer_is_each_customers_own() -> None:
    prior = Prior(PUBLISHED, GammaGamma(6.25, 3.74, 15.44))
    history = History(
        np.array([0, 2, 2]), np.array([0, 9, 9]), np.array([40, 40, 40]), np.ones(3)
    )
    mixed = prior.expected_spend(history, np.array([30, 30, 365]))
    short, long = (prior.expected_spend(history, days) for days in (30, 365))
    np.testing.assert_allclose(mixed, [short[0], short[1], long[2]], rtol=1e-13)


def test_json_keeps_every_bit(cdnow: History) -> None:
    prior = Prior.fit(cdnow)
    assert Prior.from_json(prior.to_json()) == prior
