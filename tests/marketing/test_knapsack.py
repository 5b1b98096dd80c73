"""Holds plans within their limits, and close to the best plan, which HiGHS finds."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from clv_warehouse.marketing.knapsack import Choice, choose
from clv_warehouse.marketing.policies import PLAN, RULES, chosen_by
from clv_warehouse.marketing.prices import NOTHING, Limit
from clv_warehouse.project.arrays import Floats, Ints


def made_up(offers: int, customers: int, seed: int) -> tuple[Floats, Ints]:
    """Values and costs that differ between offers and customers."""
    draw = np.random.default_rng(seed)
    values = draw.gamma(0.6, 20, customers) * draw.normal(0.1, 0.4, (offers, customers))
    return values, draw.integers(0, 200, (offers, customers))


def best(
    values: Floats, costs: Ints, budget: int, limits: Sequence[Limit] = ()
) -> float:
    """Return the gain of the best plan, by HiGHS."""
    offers, customers = values.shape
    uses = [costs.ravel(), np.tile(np.eye(customers), offers)]
    mosts = [np.array([budget]), np.ones(customers)]
    for limit in limits:
        counted = np.ones((offers, customers), bool)
        if limit.offers is not None:
            counted &= limit.offers[:, None]
        if limit.customers is not None:
            counted &= limit.customers
        uses.append((counted * (costs if limit.is_money else 1)).ravel())
        mosts.append(np.array([limit.most]))
    found = milp(
        -values.ravel(),
        constraints=LinearConstraint(np.vstack(uses), ub=np.concatenate(mosts)),
        bounds=Bounds(0, 1),
        integrality=np.ones(values.size),
        options={"mip_rel_gap": 0.0},
    )
    return -found.fun


def check(
    plan: Choice,
    values: Floats,
    costs: Ints,
    budget: int,
    limits: Sequence[Limit] = (),
) -> None:
    """Recompute what a plan says of itself, and hold its limits."""
    chosen = np.flatnonzero(plan.offer != NOTHING)
    offer = plan.offer[chosen]
    cost = np.broadcast_to(costs, values.shape)[offer, chosen]
    assert plan.cost == cost.sum() <= max(budget, 0)
    assert plan.gain == pytest.approx(values[offer, chosen].sum(), abs=1e-9)
    assert (values[offer, chosen] > 0).all()
    for limit in limits:
        counts = np.ones(len(chosen), bool)
        if limit.offers is not None:
            counts &= limit.offers[offer]
        if limit.customers is not None:
            counts &= limit.customers[chosen]
        assert (counts * (cost if limit.is_money else 1)).sum() <= limit.most


@pytest.mark.parametrize("seed", range(10))
def test_budget_alone_comes_close_to_the_best_plan(seed):
    values, costs = made_up(3, 60, seed)
    plan = choose(values, costs, 1000)
    check(plan, values, costs, 1000)
    optimum = best(values, costs, 1000)
    assert 0.97 * optimum <= plan.gain <= optimum + 1e-9 <= plan.bound + 2e-9


@pytest.mark.parametrize("seed", range(10))
def test_other_limits_hold_and_the_plan_comes_close(seed):
    values, costs = made_up(3, 60, seed)
    limits = (
        Limit(8, False, offers=np.array([True, False, False])),
        Limit(500, True, offers=np.array([False, True, True])),
        Limit(9, False, customers=np.arange(60) < 30),
        Limit(0, False, customers=np.arange(60) >= 55),
    )
    plan = choose(values, costs, 900, limits)
    check(plan, values, costs, 900, limits)
    optimum = best(values, costs, 900, limits)
    assert 0.93 * optimum <= plan.gain <= optimum + 1e-9 <= plan.bound + 2e-9


def test_gap_of_a_large_plan_is_certified():
    values, costs = made_up(5, 50_000, 1)
    plan = choose(values, costs, 1_000_000)
    check(plan, values, costs, 1_000_000)
    assert plan.gap <= 1e-6
    # One more cent is worth its price: the bound is concave in the budget.
    more = choose(values, costs, 1_010_000)
    assert more.gain - plan.gain == pytest.approx(10_000 * plan.prices[0], rel=0.01)


def test_large_plan_under_other_limits():
    values, costs = made_up(3, 50_000, 1)
    segment = np.arange(50_000) % 4
    limits = [
        Limit(4_000, False, offers=np.array([True, False, False])),
        *(Limit(150_000, True, customers=segment == each) for each in range(4)),
    ]
    plan = choose(values, costs, 500_000, limits)
    check(plan, values, costs, 500_000, limits)
    assert plan.gap <= 1e-4


@pytest.mark.parametrize("budget", [0, -500])
def test_without_money_only_what_is_free_is_given(budget):
    values = np.array([[5.0, 5.0, -1.0], [9.0, 9.0, 9.0]])
    plan = choose(values, np.array([0, 1]), budget)
    assert plan.offer.tolist() == [0, 0, NOTHING]
    assert (plan.gain, plan.cost, plan.gap) == (10.0, 0, 0.0)


def test_nothing_is_done_where_every_effect_is_harmful():
    plan = choose(np.array([[-1.0, -2.0], [0.0, np.nan]]), np.array([1, 0]), 100)
    assert plan.offer.tolist() == [NOTHING, NOTHING]
    assert (plan.gain, plan.cost, plan.bound, plan.gap) == (0.0, 0, 0.0, 0.0)


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (0, 0)])
def test_nobody_or_no_offer(shape):
    limits = [Limit(1, False)]
    plan = choose(np.zeros(shape), np.zeros(shape[0], np.int64), 100, limits)
    assert plan.offer.tolist() == [NOTHING] * shape[1]
    assert (plan.gain, plan.gap) == (0.0, 0.0)


def test_ties_are_given_until_the_budget_is_spent():
    plan = choose(np.full((1, 1000), 2.0), np.array([3]), 1000)
    assert (plan.offer != NOTHING).sum() == 333
    assert plan.cost == 999
    assert plan.prices[0] == pytest.approx(2 / 3)


def test_of_two_offers_as_good_the_cheaper_one_is_given():
    plan = choose(np.full((2, 10), 2.0), np.array([5, 4]), 1000)
    assert plan.offer.tolist() == [1] * 10
    assert plan.prices[0] == 0


def test_ties_under_other_limits_use_what_is_allowed():
    values = np.full((2, 1000), 2.0)
    limits = [Limit(100, False, offers=np.array([True, False]))]
    plan = choose(values, np.array([1, 2]), 1000, limits)
    # 100 of the cheap offer and 450 of the other: what is left buys no more.
    assert np.bincount(plan.offer + 1).tolist() == [450, 100, 450]


def test_money_is_exact_where_floating_point_is_not():
    # Ten cents a tenth of a million times: 0.1 + 0.1 + ... is not 10,000 in floats.
    plan = choose(np.full((1, 200_000), 1.0), np.array([10]), 1_000_000)
    assert plan.cost == 1_000_000
    assert (plan.offer != NOTHING).sum() == 100_000


def test_negative_cost_is_refused():
    with pytest.raises(ValueError, match="an offer costs -1 cents"):
        choose(np.ones((1, 2)), np.array([-1]), 100)


@pytest.mark.parametrize("policy", RULES)
def test_rules_of_thumb_keep_the_limits_and_gain_less(policy):
    values, costs = made_up(3, 2_000, 1)
    values[:, ::7] = np.nan
    limits = [Limit(40, False, offers=np.array([True, False, False]))]
    found = {}
    for name in (policy, PLAN):
        offer = chosen_by(name, values, np.arange(2_000.0), costs, 5_000, limits)
        given = np.flatnonzero(offer != NOTHING)
        assert costs[offer[given], given].sum() <= 5_000
        assert (offer == 0).sum() <= 40
        assert (offer[::7] == NOTHING).all()
        found[name] = values[offer[given], given].sum()
    assert len(given)
    assert found[policy] < found[PLAN]
