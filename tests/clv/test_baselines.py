"""Compares the baselines with arithmetic by hand and customers of known spend."""

import numpy as np
import pytest

from clv_warehouse.clv.baselines import BASELINES, InProportion, LastYearRate
from observed import observed, shop

EVERY_NAME = {"last_year_rate", "past_spend", "formula", "zero"}


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


def test_a_proportion_to_almost_nothing_does_not_explode() -> None:
    """One customer had 0.01 on the latest date, and 5 were then spent."""
    training = observed([91, 91], spend=[5, 0], past_spend=[0.01, 0])
    judged = observed([91, 182], past_spend=[100, 100])
    forecast = BASELINES["past_spend"].predict(training, judged)
    # Ten times 2.5 each, and twice that in twice the time.
    np.testing.assert_allclose(forecast, [25, 50])
