"""Rules of thumb for handing out offers, to compare a plan with.

Each goes through the customers in some order, with an offer for each, and gives what
still fits the budget and the limits.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from clv_warehouse.marketing.knapsack import choose, that_fit
from clv_warehouse.marketing.prices import NOTHING, Limit, Priced
from clv_warehouse.project.arrays import Floats, Ints

PLAN = "plan"


class Proposal(NamedTuple):
    """Customers in order, and the offer for each of all customers."""

    order: Ints
    offer: Ints


def best_customers_first(values: Floats, worth: Floats) -> Proposal:
    """Give the offer that gains most on average to the customers worth most."""
    return Proposal(np.argsort(-worth, kind="stable"), _usual(values))


def highest_uplift_first(values: Floats, worth: Floats) -> Proposal:
    """Give customers the offer of their largest effect, the largest effects first."""
    known = np.nan_to_num(values, nan=-np.inf)
    order = np.argsort(-known.max(axis=0), kind="stable")
    return Proposal(order, known.argmax(axis=0))


def everybody(values: Floats, worth: Floats) -> Proposal:
    """Give everybody the offer that gains most on average, in order of their keys."""
    return Proposal(np.arange(values.shape[1]), _usual(values))


def random(values: Floats, worth: Floats) -> Proposal:
    """Give customers by chance an offer by chance."""
    draw = np.random.default_rng(1)
    offers, customers = values.shape
    offer = draw.integers(0, offers, size=(customers,))
    return Proposal(draw.permutation(customers), offer)


RULES: dict[str, Callable[[Floats, Floats], Proposal]] = {
    each.__name__: each
    for each in (best_customers_first, highest_uplift_first, everybody, random)
}


def chosen_by(
    policy: str,
    values: Floats,
    worth: Floats,
    costs: Ints,
    budget: int,
    limits: Sequence[Limit] = (),
) -> Ints:
    """Return the offer of each customer under a policy, NOTHING for none, shape (n,).

    `policy` is PLAN or one of RULES; `worth` says how much each customer is worth, and
    the rest is as for `choose`. A rule of thumb may choose what does harm; what it may
    not offer is NaN in `values`.
    """
    if policy == PLAN or not values.size:
        return choose(values, costs, budget, limits).offer
    order, offer = RULES[policy](values, worth)
    problem = Priced.of(values, costs, (Limit.of_budget(budget), *limits))
    may = np.isfinite(problem.values[offer, np.arange(len(offer))])
    offer = np.where(may, offer, NOTHING)
    order = order[may[order]]
    uses = np.stack(
        [problem.used(k, offer[order], order) for k in range(len(problem.limits))]
    )
    given = order[that_fit(uses, problem.most)]
    found = np.full(len(offer), NOTHING)
    found[given] = offer[given]
    return found


def _usual(values: Floats) -> Ints:
    """Return the offer that gains most on average, for every customer."""
    known = np.isfinite(values)
    sums = np.where(known, values, 0.0).sum(axis=1)
    best = int(np.argmax(sums / np.maximum(known.sum(axis=1), 1)))
    return np.full(values.shape[1], best)
