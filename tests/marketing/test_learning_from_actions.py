"""The SQL that learns from logged actions, beside learning/off_policy.py in Python."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from benchmarks.loop import MODELS, Planner
from benchmarks.responses import Market
from clv_warehouse.learning.off_policy import (
    Estimate,
    Z,
    difference,
    doubly_robust,
    self_normalised,
)
from warehouse import Warehouse

DECISIONS = 4_000
COST, USUAL = 0.2, 10.0
# Orders that a contact really adds, by action.
TRUE = {"win_back": 0.2, "nothing": 0.0}


@pytest.fixture(scope="module")
def learned(
    warehouse_in: Callable[[Path], Warehouse], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Warehouse, pd.DataFrame]]:
    """A log of one action among customers at risk, and what the models learn from it.

    The policy that stands does nothing; chances differ by decision.
    """
    warehouse = warehouse_in(tmp_path_factory.mktemp("learned"))
    draw = np.random.default_rng(1)
    chance = draw.uniform(0.1, 0.6, DECISIONS)
    is_contacted = draw.random(DECISIONS) < chance
    expected = draw.exponential(0.3, DECISIONS)
    orders = draw.poisson(expected + TRUE["win_back"] * is_contacted)
    told = pd.DataFrame(
        {
            "customer_key": [f"{number:024x}" for number in range(DECISIONS)],
            "action_date": pd.Timestamp("2024-01-01"),
            "is_over": True,
            "action": np.where(is_contacted, "win_back", "nothing"),
            "segment": "at_risk",
            "considered": "win_back nothing",
            "propensity": np.where(is_contacted, chance, 1 - chance),
            "usual_margin": USUAL,
            "expected_margin": expected * USUAL,
            "cost": np.where(is_contacted, COST, 0.0),
            "margin": orders * USUAL,
        }
    )
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.register("told", told)
        connection.execute(
            f"""
            create schema marketing; create schema reference;
            create table marketing.action_outcomes as from told;
            create table reference.actions as
            select 'win_back' as action, 1 as place, 'at_risk' as segments,
                'mail' as offer, {COST}::decimal(18, 4) as cost,
                0.02 as expected_orders,
                0.1 as expected_orders_error;
            create schema profiles; create schema clv;
            create table clv.shop_margin as select 0.5 as margin;
            create table profiles.customer_profiles as
            select 'ann' as customer_key, 'at_risk' as segment,
                {2 * USUAL} as average_order_value;
            create table marketing.customer_uplift as
            select 'ann' as customer_key, 'mail' as offer, {0.03 * USUAL} as effect,
                {0.5 * USUAL} as effect_error;
            create table marketing.action_day as
            select date '2024-01-31' as as_of_date;
            """
        )
    done = warehouse.dbt("run", "--select", "fitted_effects", "policy_trial")
    assert done.returncode == 0, done.stdout
    halves = warehouse.query("select left_out, effect from marketing.fitted_effects")
    yield warehouse, halves.set_index("left_out")


@pytest.fixture(scope="module")
def log(learned: tuple[Warehouse, pd.DataFrame]) -> pd.DataFrame:
    return learned[0].query("from marketing.action_outcomes order by customer_key")


def error_of(estimate: Estimate, reward: float) -> float:
    """The error of the rows, and of a usual reward that was not seen among them."""
    return replace(estimate, largest_reward=reward).error


def test_an_effect_is_the_difference_of_self_normalised_means(
    learned: tuple[Warehouse, pd.DataFrame], log: pd.DataFrame
) -> None:
    more = ((log["margin"] - log["expected_margin"]) / USUAL).to_numpy()
    weights = 1 / log["propensity"].to_numpy()
    is_contacted = (log["action"] == "win_back").to_numpy()
    arms = [
        self_normalised(more[who], weights[who])
        for who in (is_contacted, ~is_contacted)
    ]
    found = learned[0].query("from marketing.fitted_effects where left_out = 'none'")
    (row,) = found.itertuples()
    effect = arms[0].value - arms[1].value
    error = np.hypot(*(error_of(each, 1.0) for each in arms))
    assert row.measured_effect == pytest.approx(effect)
    assert row.measured_error == pytest.approx(error, rel=1e-3)
    assert abs(effect - TRUE["win_back"]) < 3 * error
    assert row.effective_decisions == pytest.approx(
        min(each.effective_rows for each in arms)
    )
    precisions = np.array([1 / 0.5**2, 1 / error**2])
    # The experiment with the offer `mail` takes the place of the seed's belief.
    shrunken = (precisions * [0.03, effect]).sum() / precisions.sum()
    assert row.effect == pytest.approx(shrunken, rel=1e-3)


def test_a_trial_is_the_difference_of_doubly_robust_values(
    learned: tuple[Warehouse, pd.DataFrame], log: pd.DataFrame
) -> None:
    warehouse, halves = learned
    half = warehouse.query(
        "select case when cast('0x' || substr(sha256('half ' || customer_key), 1, 7) "
        "as integer) < 134217728 then 'a' else 'b' end as half "
        "from marketing.action_outcomes order by customer_key"
    )["half"]
    assert 0.4 < (half == "a").mean() < 0.6
    gain = halves["effect"].loc[half].to_numpy() * USUAL - COST
    assert (gain > 0).all(), "the challenger contacts everybody"
    is_contacted = (log["action"] == "win_back").to_numpy()
    reward = (log["margin"] - log["expected_margin"] - log["cost"]).to_numpy()
    propensity = log["propensity"].to_numpy()
    of_logged = np.where(is_contacted, gain, 0.0)
    challenger = doubly_robust(reward, is_contacted / propensity, of_logged, gain)
    standing = doubly_robust(reward, ~is_contacted / propensity, of_logged, 0 * gain)
    more = difference(challenger, standing)
    (row,) = warehouse.query("from marketing.policy_trial").itertuples()
    assert row.gain == pytest.approx(more.value)
    error = error_of(more, USUAL)
    assert row.gain_low == pytest.approx(more.value - Z * error, rel=1e-3)
    assert row.gain_high == pytest.approx(more.value + Z * error, rel=1e-3)
    assert row.effective_decisions == pytest.approx(more.effective_rows)
    assert (row.verdict, row.standing_policy) == ("better", "nothing")
    assert row.gain_low < TRUE["win_back"] * USUAL - COST < row.gain_high
    # Waudby-Smith et al. 2024, appendix B, with the least width at 5,000 customers.
    time = 7.9364 / 5000 * DECISIONS
    width = np.sqrt(2 * (1 + 1 / time) * np.log(1 + np.sqrt(time + 1) / (2 * 0.05)))
    assert row.always_low == pytest.approx(more.value - width * error, rel=1e-3)
    assert row.always_high == pytest.approx(more.value + width * error, rel=1e-3)


def test_one_look_of_many_is_no_proof(
    learned: tuple[Warehouse, pd.DataFrame],
) -> None:
    """A gain of 2.5 errors would convince whoever looks once; each build looks."""
    warehouse = learned[0]
    (sure,) = warehouse.query("from marketing.policy_trial").itertuples()
    error = (sure.gain - sure.gain_low) / Z
    less = sure.gain - 2.5 * error

    def pay(money: float) -> None:
        with duckdb.connect(str(warehouse.path)) as connection:
            connection.execute(
                "update marketing.action_outcomes set margin = margin + ? "
                "where action <> 'nothing'",
                [money],
            )

    pay(-less)
    warehouse.dbt("run", "--select", "policy_trial")
    (row,) = warehouse.query("from marketing.policy_trial").itertuples()
    pay(less)
    assert row.gain_low > 0 > row.always_low
    assert row.verdict == "cannot tell"


@pytest.mark.slow
def test_the_loop_finds_out_what_pays(warehouse: Warehouse) -> None:
    """Four builds of a made-up shop; 20 CPU seconds.

    The second plans the same day again, and the last comes when days were skipped.
    """

    def dbt(*arguments: str) -> None:
        done = warehouse.dbt(*arguments)
        assert done.returncode == 0, done.stdout

    market = Market("mixed", warehouse.path, 10_000, np.random.default_rng(1))
    market.factor *= 5
    plan = Planner(market, dbt)
    first = plan(is_last=True)
    planned = warehouse.query("from marketing.next_best_actions order by customer_key")
    again = plan()
    pd.testing.assert_frame_equal(
        planned,
        warehouse.query("from marketing.next_best_actions order by customer_key"),
    )
    assert first.gains["clv_warehouse"] == again.gains["clv_warehouse"]
    assert first.policies == 1
    assert first.of_policy == 0
    later = plan(is_last=True)
    decisions = warehouse.query("from marketing.next_best_actions")
    market.as_of += timedelta(3)
    market.write()
    dbt("run", "--select", *MODELS)
    waiting = warehouse.query("from marketing.next_best_actions")
    assert len(decisions) <= len(waiting) < 1.01 * len(decisions)
    assert later.policies == 2
    assert later.of_policy > 0.5 * later.gains["best"]
    for problem in (
        "inner join marketing.experiment_assignments using (customer_key)",
        "anti join orders.fct_consents using (customer_key)",
        "inner join marketing.next_best_actions as other "
        "on planned.customer_key = other.customer_key "
        "and planned.action_date < other.action_date "
        "and planned.counted_until >= other.action_date",
        "where not (propensity between 0.001 and 1)",
    ):
        found = warehouse.query(
            f"from marketing.next_best_actions as planned {problem}"
        )
        assert found.empty, problem
    chances = warehouse.query(
        "select count(*) as decisions, count(*) filter (is_explored) as explored, "
        "sum(1 / propensity) filter (action = 'nothing') as nothing_weighed "
        "from marketing.next_best_actions"
    ).iloc[0]
    # Weighed by one over the propensity, those left alone stand for everybody.
    assert chances["nothing_weighed"] == pytest.approx(chances["decisions"], rel=0.05)
    # Three tenths at first and then a tenth, of whom half or more get something.
    assert 0.05 < chances["explored"] / chances["decisions"] < 0.3
