"""Compares the baselines with arithmetic by hand and customers of known spend."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from clv_warehouse.clv.baselines import (
    BASELINES,
    DenseMse,
    GradientBoosting,
    InProportion,
    LastYearRate,
)
from clv_warehouse.clv.observations import COLUMNS, Customers, Observations
from clv_warehouse.clv.prior import Prior

EVERY_NAME = {
    "dense_mse",
    "bgnbd_gamma_gamma",
    "last_year_rate",
    "past_spend",
    "formula",
    "zero",
    "gradient_boosting",
}
LEARNERS = [
    pytest.param(DenseMse(epochs=6), id="dense_mse"),
    pytest.param(GradientBoosting(), id="gradient_boosting"),
]


def observed(
    horizon_days: list[int] | NDArray,
    spend: list[float] | NDArray | None = None,
    as_of_date: str | NDArray = "2024-06-30",
    **columns: list[float] | NDArray,
) -> Observations:
    """One customer per observation, with plain values where `columns` has none."""
    horizons = np.asarray(horizon_days)
    n = len(horizons)
    plain = {"frequency": 2, "recency_days": 10, "tenure_days": 100, "amount_mean": 50}
    numbers = {
        name: np.broadcast_to(columns.get(name, plain.get(name, 0)), n).astype(float)
        for name in COLUMNS[2:]
    }
    dates = np.broadcast_to(np.asarray(as_of_date, dtype="datetime64[D]"), n)
    keys = pa.array([str(place) for place in range(n)])
    known = None if spend is None else np.asarray(spend, dtype=float)
    return Observations(Customers(keys, dates, numbers), np.arange(n), horizons, known)


def shop(n: int, seed: int) -> Observations:
    """Customers whose spend is noise around an even share of the last year's."""
    random = np.random.default_rng(seed)
    frequency = random.integers(1, 9, n)
    tenure = random.integers(200, 800, n)
    last_year = random.gamma(1.5, 200, n)
    horizon = random.choice([91, 365], n)
    return observed(
        horizon,
        spend=last_year * horizon / 365 * random.gamma(4, 1 / 4, n),
        as_of_date=np.datetime64("2024-01-31") + 30 * random.integers(0, 5, n),
        frequency=frequency,
        tenure_days=tenure,
        recency_days=np.where(frequency > 1, tenure // 4, tenure),
        amount_mean=random.gamma(3, 20, n),
        spend_365d=last_year,
        past_spend=last_year * tenure / 365,
        cycle_days=np.where(frequency > 1, 30, np.nan),
        formula_value=np.where(frequency > 1, 30 * last_year, np.nan),
    )


def test_every_baseline_has_the_name_it_is_judged_under() -> None:
    assert set(BASELINES) == EVERY_NAME


@pytest.mark.parametrize("name", sorted(EVERY_NAME))
def test_forecasts_are_finite_and_never_negative(name: str) -> None:
    judged = shop(300, seed=2)
    forecast = BASELINES[name].predict(shop(2_000, seed=1), judged)
    assert forecast.shape == (300,)
    assert forecast.dtype == np.float64
    assert np.isfinite(forecast).all()
    assert (forecast >= 0).all()
    assert forecast.any() == (name != "zero")


@pytest.mark.parametrize("name", sorted(EVERY_NAME))
def test_a_shop_where_nobody_came_back_is_no_error(name: str) -> None:
    judged = observed([91, 91], spend_365d=[5, 0], past_spend=[5, 0])
    for training in (
        observed([91, 91], spend=[0, 0], past_spend=[5, 5]),
        observed([], spend=[]),
    ):
        forecast = BASELINES[name].predict(training, judged)
        assert np.isfinite(forecast).all()
        assert (forecast >= 0).all()


def test_last_year_goes_on() -> None:
    """Two years of tenure, half a year, one day; and more returned than bought."""
    judged = observed(
        [73, 91, 91, 91],
        tenure_days=[730, 181, 0, 400],
        spend_365d=[500, 364, 60, -20],
    )
    forecast = LastYearRate().predict(observed([]), judged)
    np.testing.assert_allclose(forecast, [100, 182, 60, 0])


def test_a_long_horizon_repeats_the_year() -> None:
    judged = observed([730, 730], tenure_days=[900, 10], spend_365d=[500, 40])
    forecast = LastYearRate().predict(observed([]), judged)
    np.testing.assert_allclose(forecast, [1000, 80])


def test_proportion_is_that_of_the_latest_date_and_nearest_horizon() -> None:
    """Of past spend, 30 % comes again in 30 days and 80 % in 100, so 160 % in 200."""
    training = observed(
        [30, 30, 30, 100],
        spend=[10, 20, 999, 80],
        as_of_date=np.array(["2024-05-31", "2024-05-31", "2024-01-31", "2024-03-31"]),
        past_spend=[40, 60, 1, 100],
    )
    judged = observed([30, 100, 200, 30, 30], past_spend=[50, 50, 50, -7, np.nan])
    forecast = InProportion("past_spend").predict(training, judged)
    np.testing.assert_allclose(forecast, [15, 40, 80, 0, 0])


def test_the_prior_forgets_training() -> None:
    """It forecasts what a prior does that is fitted on the judged alone."""
    judged = shop(500, seed=4)
    prior = Prior.fit(judged.history)
    np.testing.assert_array_equal(
        BASELINES["bgnbd_gamma_gamma"].predict(shop(50, seed=3), judged),
        prior.expected_spend(judged.history, judged.horizon_days),
    )


@pytest.mark.parametrize("learner", LEARNERS)
def test_learners_find_what_spend_depends_on(
    learner: DenseMse | GradientBoosting,
) -> None:
    """They come nearer to the true mean than half of what the best constant misses."""
    judged = shop(2_000, seed=6)
    truth = judged.column("spend_365d") * judged.horizon_days / 365
    forecast = learner.predict(shop(10_000, seed=5), judged)
    missed = np.abs(forecast - truth).mean()
    assert missed < np.abs(truth - np.median(truth)).mean() / 2
    assert forecast.sum() == pytest.approx(truth.sum(), rel=0.1)


@pytest.mark.parametrize("learner", LEARNERS)
def test_learners_repeat_themselves(learner: DenseMse | GradientBoosting) -> None:
    training, judged = shop(1_000, seed=7), shop(100, seed=8)
    first = learner.predict(training, judged)
    np.testing.assert_array_equal(learner.predict(training, judged), first)


def test_no_more_rows_are_learnt_from_than_bounded() -> None:
    """Of three rows one is kept, and its spend expected rather than the mean."""
    training = observed([91] * 3, spend=[10, 40, 700])
    forecast = GradientBoosting(most_rows=1).predict(training, observed([91]))
    assert np.isclose(forecast, [10, 40, 700], rtol=1e-3).any()


@pytest.mark.parametrize("learner", LEARNERS)
def test_training_without_truth_is_refused(
    learner: DenseMse | GradientBoosting,
) -> None:
    with pytest.raises(ValueError, match="need their spend"):
        learner.predict(observed([91]), observed([91]))
