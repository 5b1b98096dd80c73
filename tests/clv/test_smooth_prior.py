"""Tests that the smooth prior equals the prior and that its slopes fit its values."""

from dataclasses import replace

import numpy as np
import pytest

from clv_warehouse.clv.bgnbd import BgNbd
from clv_warehouse.clv.pareto import ParetoNbd
from clv_warehouse.clv.smooth_prior import PRIOR_INPUTS, SmoothPrior

HORIZON = 182


@pytest.fixture(
    scope="module",
    params=[
        BgNbd(0.6, 60.0, 0.8, 2.4),
        ParetoNbd(0.6, 60.0, 0.6, 80.0),
        ParetoNbd(1.8, 60.0, 0.6, 80.0, stages=3),
        ParetoNbd(4.8, 60.0, 0.6, 80.0, stages=8),
    ],
    ids=["bgnbd", "pareto", "erlang3", "erlang8"],
)
def seasonal(request, prior):
    """The prior with each model of purchases."""
    return replace(prior, purchases=request.param)


@pytest.fixture(scope="module")
def smooth(seasonal, customers):
    """The prior's, for customers of up to 50 purchases and 500 days of tenure."""
    date = customers.as_of_date.max()
    return SmoothPrior.of(seasonal, date, HORIZON, (50, 500), least_spend=1e-12)


def test_the_smooth_prior_is_the_prior(smooth, seasonal, customers):
    names = customers.features.names
    places = [names.index(name) for name in PRIOR_INPUTS]
    view = smooth(customers.inputs[:, places].astype(float))
    history = customers.history
    # The more even a rhythm, the more it bends between the points of a polynomial.
    near = {1: 1e-4, 3: 1e-3, 8: 5e-3}[seasonal.purchases.gap_stages]
    assert np.exp(view.log_spend) == pytest.approx(
        seasonal.expected_spend(history, HORIZON), rel=near, abs=1e-9
    )
    chance = np.clip(seasonal.chance_of_buying(history, HORIZON), 1e-4, 1 - 1e-4)
    assert view.logit_chance == pytest.approx(
        np.log(chance / (1 - chance)), abs=near, rel=near
    )


@pytest.mark.parametrize("repeats", [0.3, 0.8, 1.5, 6.0])
def test_the_smooth_prior_has_the_slopes_of_its_values(smooth, repeats):
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
