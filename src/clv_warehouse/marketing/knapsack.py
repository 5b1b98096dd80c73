"""Chooses at most one offer per customer so that the gain is largest within a budget.

This is the multiple-choice knapsack problem. Its Lagrangian relaxation puts a price on
money, and on whatever else is limited: each customer then takes the offer of the
largest value net of these prices, on their own. Prices at which the choices just fit
give almost the best plan, and the relaxed problem's value bounds what any plan could
gain (Fisher 1981; for one budget, Sinha & Zoltners 1979). A greedy repair makes the
plan feasible and spends what is left.

Money is whole cents, so that no sum is rounded. Arrays are offer by customer, (m, n).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv_warehouse.marketing.prices import NOTHING, Limit, Priced, prices_of
from clv_warehouse.project.arrays import Bools, Floats, Ints

# The repair looks at so many moves at a time, the best ones first.
MOVES = 50_000
PASSES, ROUNDS = 20, 20


@dataclass(frozen=True)
class Choice:
    """Who gets what.

    Attributes:
        offer: position of the customer's offer, or NOTHING, shape (n,).
        gain: the value of all choices.
        cost: what they cost, in cents.
        bound: no plan within the limits gains more.
        prices: by how much the gain would grow with one more unit of each limit: a cent
            of the budget first, then a customer or a cent of each other limit.

    """

    offer: Ints
    gain: float
    cost: int
    bound: float
    prices: Floats

    @property
    def gap(self) -> float:
        """The share of the bound that the plan may miss at most."""
        return (self.bound - self.gain) / self.bound if self.bound > 0 else 0.0


def choose(
    values: Floats, costs: Ints, budget: int, limits: Sequence[Limit] = ()
) -> Choice:
    """Choose at most one offer per customer, within a budget and limits.

    `values` is what each offer gains from each customer, shape (m, n); NaN, or a value
    of 0 or less, is never chosen. `costs` are cents of the same shape, or one per
    offer, shape (m,); an offer may cost nothing. A budget below 0 is one of 0. Raises
    ValueError for a negative cost.
    """
    if costs.size and costs.min() < 0:
        raise ValueError(
            f"an offer costs {costs.min()} cents: a cost must be 0 or more"
        )
    all_limits = (Limit.of_budget(budget), *limits)
    if not values.size:
        nobody = np.full(values.shape[1], NOTHING)
        return Choice(nobody, 0.0, 0, 0.0, np.zeros(len(all_limits)))
    problem = Priced.of(values, costs, all_limits)
    prices = prices_of(problem)
    net = problem.net(prices)
    bound = float(prices @ problem.most + net.total)
    offer = _within(problem, net.offer, net.value)
    offer = _filled(problem, offer, prices)
    gain = float(problem.value_of(offer).sum())
    cost = int(problem.cost_of(offer).sum())
    return Choice(offer, gain, cost, max(bound, gain), prices)


def _within(problem: Priced, offer: Ints, net: Floats) -> Ints:
    """Take back the least valuable choices of each limit that is exceeded."""
    offer = offer.copy()
    for number, limit in enumerate(problem.limits):
        used = problem.used(number, offer)
        excess = used.sum() - limit.most
        if excess <= 0:
            continue
        users = np.flatnonzero(used)
        order = users[np.argsort(net[users] / used[users], kind="stable")]
        taken = 1 + np.searchsorted(np.cumsum(used[order]), excess)
        offer[order[:taken]] = NOTHING
    return offer


def _filled(problem: Priced, offer: Ints, prices: Floats) -> Ints:
    """Give customers a better offer while it fits, the best use of the limits first.

    The use of a move is its gain over what it takes of the limits, at their prices.
    """
    offer = offer.copy()
    left = problem.most - problem.usage(offer)
    for _ in range(PASSES):
        some = np.sort(_moves(problem, offer, prices, left).customer)
        if not len(some):
            break
        # Those with the best moves are asked again until nothing fits any more.
        part, chosen = problem.part(some, problem.most), offer[some]
        for _ in range(ROUNDS):
            moves = _moves(part, chosen, prices, left)
            if not len(moves.customer):
                break
            taken = that_fit(moves.uses, left)
            chosen[moves.customer[taken]] = moves.offer[taken]
            left = left - moves.uses[:, taken].sum(axis=1)
        offer[some] = chosen
    return offer


@dataclass(frozen=True)
class _Moves:
    """Changes of customers' offers, the best first; `uses` is of shape (limits, k)."""

    customer: Ints
    offer: Ints
    uses: Ints


def _moves(problem: Priced, offer: Ints, prices: Floats, left: Ints) -> _Moves:
    """Find each customer's best move that gains and would fit alone."""
    now = problem.value_of(offer)
    used = np.stack([problem.used(k, offer) for k in range(len(problem.limits))])
    best = np.zeros(problem.customers)
    target = np.full(problem.customers, NOTHING)
    for new in range(problem.offers):
        gain = problem.values[new] - now
        price = np.zeros(problem.customers)
        fits: Bools = gain > 0
        for number, already in enumerate(used):
            more = problem.weight(number, new) - already
            fits &= more <= max(left[number], 0)
            if prices[number]:
                price += prices[number] * more
        # What takes nothing that has a price is first.
        with np.errstate(divide="ignore", invalid="ignore"):
            use = np.where(price > 0, gain / price, np.inf)
        is_better = fits & (use > best)
        best[is_better] = use[is_better]
        target[is_better] = new
    customer = np.flatnonzero(target != NOTHING)
    if len(customer) > MOVES:
        first = np.argpartition(-best[customer], MOVES)[:MOVES]
        customer = np.sort(customer[first])
    customer = customer[np.argsort(-best[customer], kind="stable")]
    chosen = target[customer]
    uses = np.stack(
        [
            problem.used(k, chosen, customer) - used[k][customer]
            for k in range(len(problem.limits))
        ]
    )
    return _Moves(customer, chosen, uses)


def that_fit(uses: Ints, left: Ints) -> Ints:
    """Go through moves in order and take those that fit; return their positions."""
    left = np.maximum(left, 0)
    rest = np.arange(uses.shape[1])
    taken = []
    while len(rest):
        rest = rest[(uses[:, rest] <= left[:, None]).all(axis=0)]
        over = (np.cumsum(uses[:, rest], axis=1) > left[:, None]).any(axis=0)
        end = int(np.argmax(over)) if over.any() else len(rest)
        taken.append(rest[:end])
        left = left - uses[:, rest[:end]].sum(axis=1)
        rest = rest[end + 1 :]
    return np.concatenate([np.zeros(0, np.int64), *taken])
