"""Plans who gets which offer, and what budgets gain under several policies.

The value of an offer to a customer is the cautious effect on the margin less the cost.
Effects of one offer share their errors, because they were learned together: so the
errors of a plan are added up within an offer, and only offers err independently.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.marketing.basis import numbers
from clv_warehouse.marketing.knapsack import choose
from clv_warehouse.marketing.policies import PLAN, RULES, chosen_by
from clv_warehouse.marketing.prices import NOTHING, Limit
from clv_warehouse.project.arrays import Floats, Ints

# Costs are whole ten-thousandths of the currency, as in the facts.
UNITS = 10_000
# Of a normal interval of 95 %.
Z = 1.959964
# Budgets of the frontier, as shares of what the best plan without a budget would spend.
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
# A frontier is drawn of so many customers, and scaled to all.
MOST_CUSTOMERS = 50_000
PLANNED = pa.schema(
    [
        ("customer_key", pa.string()),
        ("offer", pa.string()),
        ("shadow_price", pa.float64()),
        ("gap", pa.float64()),
    ]
)
FRONTIER = pa.schema(
    [
        ("budget", pa.float64()),
        ("is_planned", pa.bool_()),
        ("policy", pa.string()),
        ("customers", pa.int64()),
        ("cost", pa.float64()),
        ("gain", pa.float64()),
        ("gain_low", pa.float64()),
        ("gain_high", pa.float64()),
        ("cautious_gain", pa.float64()),
        ("shadow_price", pa.float64()),
        ("gap", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Problem:
    """Offers to customers.

    Attributes:
        customers: keys, in order, shape (n,).
        offers: names, in order, shape (m,).
        values: cautious effect less cost; NaN for what may not be offered, (m, n).
        effects, errors: expected effect and its standard deviation, (m, n).
        costs: whole units, shape (m,).
        worth: lifetime value by customer, (n,).
        limits: beside the budget.

    """

    customers: pa.Array
    offers: list[str]
    values: Floats
    effects: Floats
    errors: Floats
    costs: Ints
    worth: Floats
    limits: tuple[Limit, ...]

    @classmethod
    def of(cls, rows: pa.Table, limits: Sequence[dict[str, Any]]) -> Self:
        """Arrange rows of plannable_offers, and limits of campaign_limits."""
        keys = rows["customer_key"].combine_chunks().dictionary_encode()
        order = np.argsort(np.array(keys.dictionary.to_pylist(), dtype=str))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        who = place[keys.indices.to_numpy()]
        names = rows["offer"].to_pylist()
        offers = sorted(set(names))
        which = np.array([offers.index(name) for name in names], np.int64)
        shape = (len(offers), len(order))

        def spread(values: Floats) -> Floats:
            found = np.full(shape, np.nan)
            found[which, who] = values
            return found

        cost = rows["cost_units"].to_numpy().astype(np.int64)
        costs = np.zeros(shape[0], np.int64)
        most: list[int | None] = [None] * shape[0]
        channel: list[str | None] = [None] * shape[0]
        for row, offer in zip(*np.unique(which, return_index=True)[::-1], strict=True):
            costs[offer] = cost[row]
            most[offer] = rows["most_customers"][int(row)].as_py()
            channel[offer] = rows["channel"][int(row)].as_py()
        segment = np.full(shape[1], "", dtype=object)
        segment[who] = np.array(rows["segment"].to_pylist(), dtype=object)
        worth = np.zeros(shape[1])
        worth[who] = numbers(rows["lifetime_value"])
        number = np.arange(shape[0])
        found = [
            Limit(int(each), False, offers=number == offer)
            for offer, each in enumerate(most)
            if each is not None
        ]
        for limit in limits:
            chosen = {
                "offers": np.array([each == limit["name"] for each in channel], bool)
                if limit["kind"] == "channel"
                else None,
                "customers": segment == limit["name"]
                if limit["kind"] == "segment"
                else None,
            }
            if limit["most_customers"] is not None:
                found.append(Limit(int(limit["most_customers"]), False, **chosen))
            if limit["most_cost"] is not None:
                found.append(Limit(int(limit["most_cost"] * UNITS), True, **chosen))
        cautious = spread(numbers(rows["cautious_effect"]))
        return cls(
            keys.dictionary.take(pa.array(order)),
            offers,
            cautious - costs[:, None] / UNITS,
            spread(numbers(rows["effect"])),
            spread(numbers(rows["effect_error"])),
            costs,
            worth,
            tuple(found),
        )

    def sample(self, step: int) -> "Problem":
        """Return every so manieth customer, under the same share of the limits."""
        part = slice(None, None, step)
        limits = tuple(
            Limit(
                limit.most // step,
                limit.is_money,
                limit.offers,
                None if limit.customers is None else limit.customers[part],
            )
            for limit in self.limits
        )
        return Problem(
            self.customers.take(pa.array(np.arange(len(self.customers))[part])),
            self.offers,
            self.values[:, part],
            self.effects[:, part],
            self.errors[:, part],
            self.costs,
            self.worth[part],
            limits,
        )

    @property
    def everything(self) -> int:
        """What an offer to every customer would cost at most."""
        return int(self.costs.max(initial=0)) * len(self.customers)

    def row(self, offer: Ints, scale: float) -> dict[str, float]:
        """Add up what choices cost and gain, each customer counting `scale` times."""
        given = np.flatnonzero(offer != NOTHING)
        chosen = offer[given]
        cost = float(self.costs[chosen].sum()) / UNITS
        gain = float(self.effects[chosen, given].sum()) - cost
        error = np.bincount(chosen, self.errors[chosen, given], len(self.offers))
        margin = Z * float(np.sqrt((error**2).sum()))
        return {
            "customers": round(len(given) * scale),
            "cost": cost * scale,
            "gain": gain * scale,
            "gain_low": (gain - margin) * scale,
            "gain_high": (gain + margin) * scale,
            "cautious_gain": float(self.values[chosen, given].sum()) * scale,
        }


@doorway
def planned(offers: Relation, limits: Relation, budget: float | None) -> pa.Table:
    """Return the customers who get an offer, which one, and how good the plan is.

    `offers` are rows of plannable_offers, `limits` of campaign_limits; without a budget
    whatever pays for itself is given. The shadow price is what one more unit of money
    would gain.
    """
    problem = _problem(offers, limits)
    if not problem.offers:
        return PLANNED.empty_table()
    plan = choose(
        problem.values, problem.costs, _units(problem, budget), problem.limits
    )
    given = np.flatnonzero(plan.offer != NOTHING)
    return pa.table(
        [
            problem.customers.take(pa.array(given)),
            pa.array([problem.offers[each] for each in plan.offer[given]], pa.string()),
            np.full(len(given), plan.prices[0] * UNITS),
            np.full(len(given), plan.gap),
        ],
        schema=PLANNED,
    )


@doorway
def frontier(offers: Relation, limits: Relation, budget: float | None) -> pa.Table:
    """Return what a range of budgets gains under each policy, that of the plan too."""
    problem = _problem(offers, limits)
    if not problem.offers:
        return FRONTIER.empty_table()
    step = max(len(problem.customers) // MOST_CUSTOMERS, 1)
    part = problem.sample(step)
    scale = len(problem.customers) / len(part.customers)
    rows = list(_frontier(part, budget, scale))
    return pa.Table.from_pylist(rows, schema=FRONTIER)


def _frontier(
    problem: Problem, budget: float | None, scale: float
) -> Iterator[dict[str, Any]]:
    whole = choose(problem.values, problem.costs, problem.everything, problem.limits)
    budgets = {round(share * whole.cost): False for share in SHARES}
    asked = whole.cost if budget is None else int(max(budget, 0) * UNITS / scale)
    budgets[asked] = True
    for units, is_planned in sorted(budgets.items()):
        plan = choose(problem.values, problem.costs, units, problem.limits)
        for policy in (PLAN, *RULES):
            offer = plan.offer
            if policy != PLAN:
                offer = chosen_by(
                    policy,
                    problem.values,
                    problem.worth,
                    problem.costs,
                    units,
                    problem.limits,
                )
            is_plan = policy == PLAN
            yield {
                "budget": units * scale / UNITS,
                "is_planned": is_planned,
                "policy": policy,
                **problem.row(offer, scale),
                "shadow_price": plan.prices[0] * UNITS if is_plan else None,
                "gap": plan.gap if is_plan else None,
            }


def _problem(offers: Relation, limits: Relation) -> Problem:
    told = limits.project("kind, name, most_customers, most_cost").order("kind, name")
    return Problem.of(
        offers.project(
            "customer_key, offer, channel, segment, lifetime_value, effect, "
            "effect_error, cautious_effect, cost_units, most_customers"
        )
        .order("customer_key, offer")
        .to_arrow_table(),
        told.to_arrow_table().to_pylist(),
    )


def _units(problem: Problem, budget: float | None) -> int:
    """Return a budget in whole units; without one, what everything would cost."""
    return problem.everything if budget is None else int(np.floor(budget * UNITS))
