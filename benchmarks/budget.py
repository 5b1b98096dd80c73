"""Measures how fast a budget is shared out, and what other policies would gain.

The customers are made up: what an offer gains is a share of a customer's spend, which
is skewed (gamma, shape 0.6). The share differs by customer and offer, and is negative
for four in ten; dearer offers do more. The budget lasts for one cheap offer to every
other customer, or a dear one to every thirtieth.
`share_of_optimum` is a policy's gain over the bound that no plan can exceed.
"""

import time
from collections.abc import Iterator

import numpy as np

from benchmarks.harness import Row, call, rows
from clv_warehouse.marketing.knapsack import choose
from clv_warehouse.marketing.policies import PLAN, RULES, chosen_by
from clv_warehouse.marketing.prices import NOTHING, Limit

CUSTOMERS = 1_000_000
COSTS = (20, 50, 75, 150, 300)
MEAN_SHARES = (0.05, 0.08, 0.1, 0.12, 0.15)
# Money per customer, in cents.
BUDGET = 10


def benchmark(customers: int = CUSTOMERS) -> Iterator[Row]:
    """Share out under the budget alone, and under limits of offers and segments too."""
    for case in ("budget", "budget_and_limits"):
        done = call(_measured, case, customers)
        for system, measures in done.value.items():
            yield from rows(f"{case}/{customers}", system, measures)
        cost = {"process_cpu_seconds": done.cost["cpu_seconds"]}
        cost["peak_mb"] = done.cost["peak_mb"]
        yield from rows(f"{case}/{customers}", PLAN, cost)


def _measured(case: str, customers: int) -> dict[str, dict[str, float]]:
    draw = np.random.default_rng(1)
    worth = draw.gamma(0.6, 20, customers)
    share = draw.normal(np.array(MEAN_SHARES)[:, None], 0.4, (len(COSTS), customers))
    values = worth * share
    segment = draw.integers(0, 4, customers)
    costs, budget = np.array(COSTS), BUDGET * customers
    limits = []
    if case != "budget":
        # No offer to more than a twentieth, no segment with more than a third of all.
        offers = np.arange(len(COSTS))
        limits = [
            *(Limit(customers // 20, False, offers == each) for each in offers),
            *(Limit(budget // 3, True, None, segment == each) for each in range(4)),
        ]
    started, cpu = time.monotonic(), time.process_time()
    plan = choose(values, costs, budget, limits)
    found = {
        PLAN: {
            "seconds": time.monotonic() - started,
            "cpu_seconds": time.process_time() - cpu,
            "gap": plan.gap,
            "share_of_optimum": plan.gain / plan.bound,
        }
    }
    for rule in RULES:
        offer = chosen_by(rule, values, worth, costs, budget, limits)
        given = np.flatnonzero(offer != NOTHING)
        gain = float(values[offer[given], given].sum())
        found[rule] = {"share_of_optimum": gain / plan.bound}
    return found
