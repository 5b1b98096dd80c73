"""Puts prices on a budget and on other limits, at which choices just fit.

The relaxed problem's value is a convex function of the prices. Its slope is what the
limits allow less what the choices use. One budget's price is found by halving the
customers who are undecided: whoever chooses alike at a lower and a higher price does so
at any price between. Several prices are found by cutting planes (Kelley 1960), first on
a sample of the customers.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Ints

THREADS = 2
# Customers that a thread works on at a time: their numbers stay in the cache.
BLOCK = 1 << 15
# The most steps of the search for one price; it halves the undecided in each.
STEPS = 100
# Prices of several limits are first searched on a sample of so many customers, and then
# no further away than this share of what the sample says.
SAMPLE, REACH = 20_000, 0.03
# The cutting planes at most, and how close they come to the lowest value.
CUTS, CLOSE = 300, 1e-6
NOTHING = -1


@dataclass(frozen=True)
class Limit:
    """At most so much of what some offers to some customers use together.

    Attributes:
        most: cents, or customers.
        is_money: which of the two.
        offers: the offers that count, shape (m,); None means all.
        customers: the customers that count, shape (n,); None means all.

    """

    most: int
    is_money: bool
    offers: Bools | None = None
    customers: Bools | None = None

    @classmethod
    def of_budget(cls, budget: int) -> Self:
        """Return the limit on everything that is spent."""
        return cls(budget, is_money=True)


@dataclass(frozen=True)
class Net:
    """What customers choose at some prices: offer, its net value, and their sum."""

    offer: Ints
    value: Floats
    total: float


@dataclass(frozen=True)
class Priced:
    """Offers to customers, under limits that may be priced.

    Attributes:
        values: what an offer gains from a customer, shape (m, n).
        costs: cents, shape (m, n), or (m, 1) where they are the same for everybody.
        limits: the budget first.

    """

    values: Floats
    costs: Ints
    limits: tuple[Limit, ...]

    @classmethod
    def of(cls, values: Floats, costs: Ints, limits: Sequence[Limit]) -> Self:
        """Take values and costs as `choose` does."""
        costs = costs if costs.ndim == 2 else costs[:, None]
        values = np.nan_to_num(values, nan=-np.inf, neginf=-np.inf)
        return cls(
            values,
            costs.astype(np.int64),
            tuple(replace(limit, most=max(limit.most, 0)) for limit in limits),
        )

    @property
    def offers(self) -> int:
        """How many offers there are."""
        return self.values.shape[0]

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return self.values.shape[1]

    @property
    def most(self) -> Ints:
        """What each limit allows."""
        return np.array([limit.most for limit in self.limits])

    def weight(self, number: int, offer: int) -> Ints:
        """What an offer to each customer takes of a limit, shape (n,) or (1,)."""
        limit = self.limits[number]
        if limit.offers is not None and not limit.offers[offer]:
            return np.zeros(1, np.int64)
        weight = self.costs[offer] if limit.is_money else np.ones(1, np.int64)
        return weight if limit.customers is None else weight * limit.customers

    def used(self, number: int, offer: Ints, customers: Ints | None = None) -> Ints:
        """What each choice takes of a limit, for all customers or those given."""
        limit = self.limits[number]
        uses = offer != NOTHING
        if limit.offers is not None:
            uses &= limit.offers[offer]
        if limit.customers is not None:
            uses &= limit.customers if customers is None else limit.customers[customers]
        return uses * self.cost_of(offer, customers) if limit.is_money else 1 * uses

    def usage(self, offer: Ints) -> Ints:
        """What the choices of all customers take of each limit."""
        limits = range(len(self.limits))
        return np.array([self.used(number, offer).sum() for number in limits])

    def cost_of(self, offer: Ints, customers: Ints | None = None) -> Ints:
        """Cents of each choice."""
        if self.costs.shape[1] == 1:
            return np.append(self.costs[:, 0], 0)[offer]
        who = np.arange(self.customers) if customers is None else customers
        return np.where(offer == NOTHING, 0, self.costs[offer, who])

    def value_of(self, offer: Ints) -> Floats:
        """Value of each customer's choice."""
        who = np.arange(self.customers)
        return np.where(offer == NOTHING, 0.0, self.values[offer, who])

    def net(self, prices: Floats) -> Net:
        """Let each customer choose the largest value net of prices, or nothing at 0."""
        offer = np.empty(self.customers, np.int64)
        value = np.empty(self.customers)
        # Where two offers are as good, the cheaper one is chosen.
        order = np.argsort(self.costs.sum(axis=1), kind="stable").tolist()

        def work(start: int) -> None:
            block = slice(start, start + BLOCK)
            best = np.zeros(len(value[block]))
            choice = np.full(len(best), NOTHING)
            for each in order:
                net = self.values[each, block]
                for number in np.flatnonzero(prices).tolist():
                    weight = self.weight(number, each)
                    if len(weight) > 1:
                        weight = weight[block]
                    net = net - prices[number] * weight
                choice[net > best] = each
                np.maximum(best, net, out=best)
            offer[block], value[block] = choice, best

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, range(0, self.customers, BLOCK)))
        return Net(offer, value, float(value.sum()))

    def part(self, customers: Ints | slice, most: Ints) -> "Priced":
        """Return some customers under limits of so much."""
        return Priced(
            self.values[:, customers],
            self.costs if self.costs.shape[1] == 1 else self.costs[:, customers],
            tuple(
                replace(
                    limit,
                    most=int(each),
                    customers=None
                    if limit.customers is None
                    else limit.customers[customers],
                )
                for limit, each in zip(self.limits, most, strict=True)
            ),
        )

    def undecided(self, offer: Ints, low: Floats, high: Floats) -> Ints:
        """Return the customers whose choice, `offer`, may change between two prices."""
        own = self.value_of(offer)
        used = [self.used(number, offer) for number in range(len(self.limits))]
        may_change = np.zeros(self.customers, bool)
        for each in (NOTHING, *range(self.offers)):
            # The most that another choice may gain on the own one.
            most = (0.0 if each == NOTHING else self.values[each]) - own
            for number, already in enumerate(used):
                more = -already
                if each != NOTHING:
                    more = more + self.weight(number, each)
                most -= np.where(more > 0, low[number], high[number]) * more
            may_change |= (most >= 0) & (offer != each)
        return np.flatnonzero(may_change)

    def at_prices(self, prices: Floats) -> "Priced":
        """Take the prices of all limits but the budget off the values."""
        values = self.values.copy()
        for number in (np.flatnonzero(prices[1:]) + 1).tolist():
            for offer in range(self.offers):
                values[offer] -= prices[number] * self.weight(number, offer)
        return Priced(values, self.costs, self.limits[:1])


def prices_of(problem: Priced) -> Floats:
    """Return the price of each limit, shape (limits,), all 0 or more."""
    if len(problem.limits) == 1:
        return np.array([price_of_money(problem)])
    prices = _several(problem)
    prices[0] = price_of_money(problem.at_prices(prices))
    return prices


def price_of_money(problem: Priced) -> float:
    """Return the lowest price at which what customers choose is within the budget."""
    budget = problem.most
    dear = problem.net(np.zeros(1)).offer
    if problem.cost_of(dear).sum() <= budget:
        return 0.0
    low, high = 0.0, _too_high(problem)
    cheap = problem.net(np.array([high])).offer
    for _ in range(STEPS):
        undecided = np.flatnonzero(cheap != dear)
        if not len(undecided):
            break
        # The decided have what they have; the rest share what is left of the budget.
        cost = problem.cost_of(cheap)
        budget = budget - (cost.sum() - cost[undecided].sum())
        problem = problem.part(undecided, budget)
        cheap, dear, cost = cheap[undecided], dear[undecided], cost[undecided]
        more = problem.cost_of(dear) - cost
        # The price at which choices would just fit if each changed only once.
        at = (problem.value_of(dear) - problem.value_of(cheap)) / more
        order = np.argsort(-at, kind="stable")
        left = int(budget[0] - cost.sum())
        place = int(np.searchsorted(np.cumsum(more[order]), left, side="right"))
        price = float(at[order[min(place, len(order) - 1)]])
        if not low < price < high:
            break
        now = problem.net(np.array([price])).offer
        if problem.cost_of(now).sum() <= budget[0]:
            high, cheap = price, now
        else:
            low, dear = price, now
    return high


def _too_high(problem: Priced) -> float:
    """Return a price at which nobody chooses what costs anything."""
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.where(problem.costs > 0, problem.values / problem.costs, 0.0)
    return max(float(at.max()), 0.0) * (1 + 1e-9)


def _several(problem: Priced) -> Floats:
    """Search the prices of all limits together."""
    highest = np.full(len(problem.limits), max(float(problem.values.max()), 0.0))
    highest[[limit.is_money for limit in problem.limits]] = _too_high(problem)
    nothing = np.zeros(len(problem.limits))
    if problem.customers <= 2 * SAMPLE:
        return _by_cuts(problem, nothing, highest)
    chosen = np.random.default_rng(1).permutation(problem.customers)[:SAMPLE]
    most = (problem.most * (SAMPLE / problem.customers)).astype(np.int64)
    part = problem.part(np.sort(chosen), most)
    prices = _by_cuts(part, nothing, highest)
    for _ in range(STEPS):
        prices, is_far = _near(problem, prices)
        if not is_far:
            break
    return prices


def _near(problem: Priced, prices: Floats) -> tuple[Floats, bool]:
    """Search near some prices, with the customers whose choice is undecided there.

    Returns the prices, and whether better ones may lie beyond.
    """
    net = problem.net(prices)
    bound = float(prices @ problem.most) + net.total
    # What one unit of a limit gains on average says how large its price may be.
    usual = bound / np.maximum(problem.usage(net.offer), 1)
    reach = REACH * (prices + usual / 4)
    low, high = np.maximum(prices - reach, 0), prices + reach
    undecided = problem.undecided(net.offer, low, high)
    decided = net.offer.copy()
    decided[undecided] = NOTHING
    left = problem.most - problem.usage(decided)
    found = _by_cuts(problem.part(undecided, left), low, high)
    return found, bool((((found == low) & (low > 0)) | (found == high)).any())


def _by_cuts(problem: Priced, low: Floats, high: Floats) -> Floats:
    """Return the prices between two at which the relaxed problem's value is lowest."""
    # Imported late: only limits beside the budget need it.
    from scipy.optimize import linprog

    slopes, heights = [], []
    width = high - low
    prices = best = (low + high) / 2 if low.any() else low
    lowest = np.inf
    for _ in range(CUTS):
        net = problem.net(prices)
        slope = problem.most - problem.usage(net.offer)
        height = float(prices @ problem.most) + net.total
        if height < lowest:
            best, lowest = prices, height
        slopes.append(slope * width)
        heights.append(height - float((prices - low) @ slope))
        # The lowest point of all planes: minimise t over t >= height + slope @ prices.
        scale = max(abs(lowest), 1.0)
        planes = np.array(slopes) / scale
        found = linprog(
            np.append(np.zeros(len(low)), 1.0),
            A_ub=np.column_stack([planes, -np.ones(len(planes))]),
            b_ub=-np.array(heights) / scale,
            bounds=[(0, 1)] * len(low) + [(None, None)],
        )
        if not found.success or lowest - found.fun * scale <= CLOSE * scale:
            break
        prices = low + found.x[:-1] * width
    return best
