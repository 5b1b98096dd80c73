"""Tests the prior as a whole: any history has one, and no bit of it is lost."""

import numpy as np
import pytest

from cdnow import WEEK, customer
from clv_warehouse.clv.amounts import GammaGamma
from clv_warehouse.clv.bgnbd import BgNbd
from clv_warehouse.clv.clock import MONTHS, Clock
from clv_warehouse.clv.history import History
from clv_warehouse.clv.prior import Prior

PUBLISHED = BgNbd(r=0.243, alpha=4.414 * WEEK, a=0.793, b=2.426)


def test_weights_stand_for_rows(cdnow: History) -> None:
    columns = np.column_stack(
        [cdnow.frequency, cdnow.recency, cdnow.age, cdnow.monetary, cdnow.purchases]
    )
    twice = np.concatenate([columns, columns[:800]])
    weighted = np.where(np.arange(len(columns)) < 800, 2.0, 1.0)
    repeated = Prior.fit(History(*twice.T))
    counted = Prior.fit(History(*columns.T, weights=weighted))
    for one, other in (
        (repeated.purchases, counted.purchases),
        (repeated.amounts, counted.amounts),
    ):
        np.testing.assert_allclose(
            list(vars(one).values()), list(vars(other).values()), rtol=1e-4
        )


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


def test_a_horizon_per_customer_is_each_customers_own() -> None:
    prior = Prior(
        PUBLISHED, GammaGamma(6.25, 3.74, 15.44), Clock.even(), np.ones(MONTHS), 1.0
    )
    history = History(
        np.array([0, 2, 2]), np.array([0, 9, 9]), np.array([40, 40, 40]), np.ones(3)
    )
    mixed = prior.expected_spend(history, np.array([30, 30, 365]))
    short, long = (prior.expected_spend(history, days) for days in (30, 365))
    np.testing.assert_allclose(mixed, [short[0], short[1], long[2]], rtol=1e-13)


def test_json_keeps_every_bit(prior: Prior) -> None:
    again = Prior.from_json(prior.to_json())
    assert again.to_json() == prior.to_json()
    assert (again.purchases, again.amounts) == (prior.purchases, prior.amounts)


def test_spend_follows_the_months_ahead(prior: Prior) -> None:
    """December is the busiest month; what returns takes off is the same in all."""
    spend = [
        prior.expected_spend(
            History(*(np.full(1, value) for value in (3, 200, 210, 50)), as_of=as_of),
            31,
        )[0]
        for as_of in np.array(["2024-01-31", "2024-11-30"], "datetime64[D]")
    ]
    january, december = prior.spend_by_month[[1, 11]]
    assert spend[1] / spend[0] == pytest.approx(december / january, rel=0.25)
