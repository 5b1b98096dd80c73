"""Compares Gamma-Gamma with published figures, integrals and simulation."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import gammaln

from cdnow import customer
from clv_warehouse.clv.amounts import GammaGamma
from clv_warehouse.clv.history import History


def test_cdnow_gives_the_published_gamma_gamma(cdnow: History) -> None:
    model = GammaGamma.fit(cdnow)
    np.testing.assert_allclose(
        [model.p, model.q, model.gamma], [6.25, 3.74, 15.44], atol=5e-3
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


def test_equal_amounts_are_expected_again() -> None:
    history = History(np.full(99, 3), np.full(99, 40), np.full(99, 50), np.full(99, 10))
    amount = GammaGamma.fit(history).expected_amount(history)
    np.testing.assert_allclose(amount, 10, rtol=1e-2)


def test_who_shows_no_amount_is_expected_to_spend_the_mean() -> None:
    model = GammaGamma(p=6.25, q=3.74, gamma=15.44)
    amounts = model.expected_amount(customer(0, 0, 9, 0))
    assert amounts[0] == pytest.approx(6.25 * 15.44 / 2.74)
