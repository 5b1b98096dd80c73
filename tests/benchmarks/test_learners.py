"""Tests that learned models find what spend depends on, and cope without any spend."""

import numpy as np
import pytest

from benchmarks.learners import LEARNERS, DenseMse, GradientBoosting
from clv_warehouse.clv.baselines import Baseline
from observed import observed, shop

QUICK = [
    pytest.param(DenseMse(epochs=6), id="dense_mse"),
    pytest.param(GradientBoosting(), id="gradient_boosting"),
]


@pytest.mark.parametrize("name", LEARNERS)
def test_forecasts_are_finite_and_never_negative(name: str) -> None:
    judged = shop(300, seed=2)
    forecast = LEARNERS[name].predict(shop(2_000, seed=1), judged)
    assert forecast.shape == (300,)
    assert forecast.dtype == np.float64
    assert np.isfinite(forecast).all()
    assert (forecast >= 0).all()
    assert forecast.any()


@pytest.mark.parametrize("name", LEARNERS)
def test_a_shop_where_nobody_came_back_is_no_error(name: str) -> None:
    judged = observed([91, 91], spend_365d=[5, 0], past_spend=[5, 0])
    for training in (
        observed([91, 91], spend=[0, 0], past_spend=[5, 5]),
        observed([], spend=[]),
    ):
        forecast = LEARNERS[name].predict(training, judged)
        assert np.isfinite(forecast).all()
        assert (forecast >= 0).all()


@pytest.mark.parametrize("learner", QUICK)
def test_learners_find_what_spend_depends_on(
    learner: Baseline,
) -> None:
    """They come nearer to the true mean than half of what the best constant misses."""
    judged = shop(2_000, seed=6)
    truth = judged.column("spend_365d") * judged.horizon_days / 365
    forecast = learner.predict(shop(10_000, seed=5), judged)
    missed = np.abs(forecast - truth).mean()
    assert missed < np.abs(truth - np.median(truth)).mean() / 2
    assert forecast.sum() == pytest.approx(truth.sum(), rel=0.1)


@pytest.mark.parametrize("learner", QUICK)
def test_learners_repeat_themselves(learner: Baseline) -> None:
    training, judged = shop(1_000, seed=7), shop(100, seed=8)
    first = learner.predict(training, judged)
    np.testing.assert_array_equal(learner.predict(training, judged), first)


def test_no_more_rows_are_learnt_from_than_bounded() -> None:
    """Of three rows one is kept, and its spend expected rather than the mean."""
    training = observed([91] * 3, spend=[10, 40, 700])
    forecast = GradientBoosting(most_rows=1).predict(training, observed([91]))
    assert np.isclose(forecast, [10, 40, 700], rtol=1e-3).any()


@pytest.mark.parametrize("learner", QUICK)
def test_training_without_truth_is_refused(
    learner: Baseline,
) -> None:
    with pytest.raises(ValueError, match="need their spend"):
        learner.predict(observed([91]), observed([91]))
