"""Tests the search for settings: what it looks at, what it finds, and when it stops."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest

from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import Observations
from clv_warehouse.clv.search import (
    SCHEMA,
    Search,
    measures,
    past_cases,
    proposal,
    rounds_of,
)
from clv_warehouse.clv.season import ShopDays
from simulated import FIRST, NO_DAYS, shop

DAYS = ShopDays.from_arrow(NO_DAYS)
END = FIRST + timedelta(days=419)


@pytest.fixture(scope="module")
def observations():
    return Observations.from_arrow(*shop(customers=260, days=420))


@pytest.fixture(scope="module")
def rounds(observations):
    return rounds_of(past_cases(observations, DAYS, END, 91))


@dataclass
class Judge:
    """Losses that settings have by a rule, and time that each training takes."""

    rule: object
    noise: float = 0.05
    seconds: float = 1
    now: float = 0

    def __call__(self, case, config, rows):
        self.now += self.seconds
        # The luck of a date is shared by all settings, that of a seed is not.
        shared = case.origin.astype(int) % 7
        own = np.random.default_rng([config.seed, shared]).normal(0, self.noise)
        loss = shared + own + self.rule(config)
        return {"normalised_gini": 0, "total_bias": 0, "mae": 0, "loss": loss}

    def search(self, rounds, seconds=400):
        search = Search(
            NetworkConfig(), rounds, seconds, self, lambda _: None, lambda: self.now
        )
        search.run()
        return search, proposal(search.rows, NetworkConfig())


def wide(config):
    """The wider the first layer, the better."""
    return -0.2 * np.log2(config.hidden_units[0] / 128)


def test_no_window_is_seen_by_which_a_network_is_judged(observations, rounds):
    border = np.datetime64(END - timedelta(days=91))
    cases = [case for each in rounds for case in each]
    assert len(cases) > 6
    for case in cases:
        assert case.judged.end_date.max() <= border
        assert case.training.end_date.max() <= case.origin
    # What happened after the border may be anything.
    spend = observations.spend.copy()
    spend[observations.end_date > border] *= -1000
    changed = rounds_of(
        past_cases(
            Observations(
                observations.customers,
                observations.row,
                observations.horizon_days,
                spend,
                observations.purchases,
            ),
            DAYS,
            END,
            91,
        )
    )
    again = [case for each in changed for case in each]
    for one, other in zip(cases, again, strict=True):
        assert one.origin == other.origin
        np.testing.assert_array_equal(one.judged.spend, other.judged.spend)
        np.testing.assert_array_equal(one.training.spend, other.training.spend)


def test_the_gain_is_told_at_dates_of_its_own(rounds):
    def named(cases):
        return {(case.origin, int(case.judged.horizon_days[0])) for case in cases}

    first, second, last = map(named, rounds)
    assert last.isdisjoint(first | second)
    assert {horizon for _, horizon in last} == {30, 91}


def test_better_settings_are_found(rounds):
    search, found = Judge(wide).search(rounds)
    assert found.settings["hidden_units"] == [256, 128]
    assert found.is_better
    assert found.gain == pytest.approx(0.2, abs=0.1)
    assert {row["trial"] for row in search.rows if row["round"] == 3} > {0}
    assert {*search.rows[0]} == {*SCHEMA.names} - {"started_at"}


def test_settings_that_change_nothing_are_not_proposed(rounds):
    proposed = [
        Judge(lambda config, salt=salt: 0 * salt, noise=0.05 + salt / 100)
        .search(rounds)[1]
        .is_better
        for salt in range(20)
    ]
    assert sum(proposed) <= 2


def test_a_search_ends_when_its_time_is_up(rounds):
    judge = Judge(wide)
    judge.search(rounds, seconds=200)
    # One trial's trainings in each round may still be on their way.
    assert judge.now < 200 + 2 * 4 * max(map(len, rounds))
    assert judge.now > 60


def test_what_cannot_be_compared_is_not_proposed(rounds):
    _, found = Judge(wide).search(rounds, seconds=0)
    assert not found.is_better


def test_a_short_history_leaves_a_round_without_dates(observations):
    end = FIRST + timedelta(days=200)
    assert not all(rounds_of(past_cases(observations, DAYS, end, 91)))


def test_measures_are_those_of_the_backtest():
    """By hand: four customers, two tied; the best order has a Gini of one."""
    actual = np.array([0.0, 0.0, 10.0, 30.0])
    assert measures(actual, actual)["normalised_gini"] == pytest.approx(1)
    found = measures(np.array([0.0, 5.0, 40.0, 5.0]), actual)
    # Ranks from the middle: -1.5, 0, 1.5, 0; those of the truth: -1, -1, 0.5, 1.5.
    assert found["normalised_gini"] == pytest.approx(10 * 1.5 / (10 * 0.5 + 30 * 1.5))
    assert found["total_bias"] == pytest.approx(0.25)
    assert found["mae"] == pytest.approx((0 + 5 + 30 + 25) / 4)
