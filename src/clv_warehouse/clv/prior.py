"""The prior: when a customer buys, and for how much, without looking at any target.

Customers buy at an even rate of a clock on which busy months are longer (clock.py),
until they leave: with time (Pareto/NBD) or after a purchase (BG/NBD), whichever is
likelier for the shop. They buy at random, or at a rhythm (rhythm.py). They spend as
Gamma-Gamma says, more or less in some months, less what usually comes back. Times are
days; money is in the currency of the history.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from clv_warehouse.clv.amounts import GammaGamma
from clv_warehouse.clv.bgnbd import BgNbd
from clv_warehouse.clv.clock import MONTHS, Clock
from clv_warehouse.clv.history import History, distinct
from clv_warehouse.clv.pareto import ParetoNbd
from clv_warehouse.clv.purchases import Days, PurchaseModel
from clv_warehouse.clv.rhythm import Window, holds, stages_shown
from clv_warehouse.clv.season import ShopDays, amount_effects, purchase_effects
from clv_warehouse.project.arrays import Floats

# The models have four parameters: more customers do not make them better.
FIT_CUSTOMERS = 8_000
# How often the clock and the model on it are fitted in turn.
ROUNDS = 2
FAMILIES: dict[str, type[PurchaseModel]] = {
    "pareto_nbd": ParetoNbd,
    "bg_nbd": BgNbd,
}
# Days ahead that say how fast the clock goes for the next purchase.
PACE_DAYS = 30
# What returns take off spend is believed within these limits.
LEAST_KEPT = 0.5


@dataclass(frozen=True, eq=False)
class Prior:
    """What a customer will spend: purchases on the shop's clock times amounts.

    Attributes:
        purchases: when customers buy, in days of the clock.
        amounts: what they spend per purchase.
        clock: how busy each month is.
        amount_by_month: (12,) how much larger purchases are in each month; mean one.
        kept: the share of spend that does not come back.

    """

    purchases: PurchaseModel
    amounts: GammaGamma
    clock: Clock
    amount_by_month: Floats
    kept: float

    @classmethod
    def fit(
        cls,
        history: History,
        days: ShopDays | None = None,
        past: Callable[[], Window | None] = lambda: None,
    ) -> "Prior":
        """Fit all parts to customers as of one date and the shop's days up to it.

        It is finite for any history, even none. Without `days` all months are alike
        and nothing comes back. `past` finds a window that is over, in which a rhythm
        must prove itself; without one, customers buy at random.
        """
        sample = thinned(history)
        clock, even = Clock.even(), np.ones(MONTHS)
        if days is None or not len(days.day):
            found = likeliest(sample, clock, past)
            return cls(found, GammaGamma.fit(history), clock, even, 1.0)
        model = None
        for _ in range(ROUNDS):
            model = ParetoNbd.fit(clock.history(sample), near=model)
            clock = Clock.of_effects(purchase_effects(days, model, clock))
        gross = days.gross.sum()
        kept = np.clip(days.net.sum() / gross, LEAST_KEPT, 1) if gross > 0 else 1.0
        return cls(
            likeliest(sample, clock, past, model),
            GammaGamma.fit(history),
            clock,
            Clock.of_effects(amount_effects(days, history)).by_month,
            float(kept),
        )

    def expected_spend(self, history: History, horizon_days: Days) -> Floats:
        """Spend expected in the next `horizon_days`, shape (n,), in currency."""
        return Prospects(self, history).spend(horizon_days)

    def expected_purchases(self, history: History, horizon_days: Days) -> Floats:
        """Purchases expected in the next `horizon_days`, shape (n,)."""
        return Prospects(self, history).purchases(horizon_days)

    def chance_of_buying(self, history: History, horizon_days: Days) -> Floats:
        """Chance of at least one purchase in the next `horizon_days`, shape (n,)."""
        return Prospects(self, history).chance(horizon_days)

    def p_alive(self, history: History) -> Floats:
        """Chance that the customer has not left for good, shape (n,)."""
        return Prospects(self, history).alive

    def amount_factor(
        self, as_of: NDArray[np.datetime64], horizon_days: Days
    ) -> Floats:
        """Return what the months of a horizon and returns make of an amount, (n,)."""
        start = as_of.astype(np.int64)
        end = start + np.asarray(horizon_days)
        bought = self.clock(end) - self.clock(start)
        return self.kept * (self._spent(end) - self._spent(start)) / bought

    @property
    def spend_by_month(self) -> Floats:
        """How much more is spent on a day of each month, (12,), with a mean of one."""
        return self.clock.by_month * self.amount_by_month

    @cached_property
    def _spent(self) -> Clock:
        """The clock of spend: a day counts as what is bought times for how much."""
        return Clock(self.spend_by_month)

    def to_json(self) -> str:
        """Write the parameters as JSON, which from_json reads back to the bit."""
        (family,) = (
            name for name, of in FAMILIES.items() if of is type(self.purchases)
        )
        return json.dumps(
            {
                "purchases": {family: vars(self.purchases)},
                "amounts": asdict(self.amounts),
                "by_month": self.clock.by_month.tolist(),
                "amount_by_month": self.amount_by_month.tolist(),
                "kept": self.kept,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Prior":
        """Read the prior that to_json wrote.

        Raises KeyError, TypeError or ValueError if it is none.
        """
        stored = json.loads(text)
        ((family, parameters),) = stored["purchases"].items()
        months = (stored["by_month"], stored["amount_by_month"])
        clock, amounts = (np.array(each, dtype=np.float64) for each in months)
        if {clock.shape, amounts.shape} != {(MONTHS,)}:
            raise ValueError(f"a prior has {MONTHS} months")
        return cls(
            FAMILIES[family](**parameters),
            GammaGamma(**stored["amounts"]),
            Clock(clock),
            amounts,
            float(stored["kept"]),
        )


@dataclass(frozen=True, eq=False)
class Prospects:
    """What the prior expects of customers; what no horizon changes is computed once.

    All methods take a horizon of days, one number or one per row, and return a value
    per row, shape (n,). `rows` are places in the history, by default all.
    """

    prior: Prior
    history: History

    def spend(self, horizon_days: Days, rows: NDArray | None = None) -> Floats:
        """Spend expected within the horizon, in currency."""
        amount = self.amount_ahead(horizon_days, rows)
        return self.purchases(horizon_days, rows) * amount

    def amount_ahead(self, horizon_days: Days, rows: NDArray | None = None) -> Floats:
        """What a purchase within the horizon is worth, net of what comes back."""
        as_of = _chosen(self.history.as_of, rows)
        factor = self.prior.amount_factor(as_of, horizon_days)
        return _chosen(self.amount, rows) * factor

    def purchases(self, horizon_days: Days, rows: NDArray | None = None) -> Floats:
        """Purchases expected within the horizon."""
        model = self.prior.purchases
        return self._if_alive(model.purchases_if_alive, horizon_days, rows)

    def chance(self, horizon_days: Days, rows: NDArray | None = None) -> Floats:
        """Chance of at least one purchase within the horizon."""
        model = self.prior.purchases
        return self._if_alive(model.chance_if_alive, horizon_days, rows)

    @property
    def days_to_next(self) -> Floats | None:
        """Days until the next purchase of who still buys; None without a rhythm."""
        model = self.prior.purchases
        if not isinstance(model, ParetoNbd) or model.gap_stages == 1:
            return None
        pace = self.prior.clock.ahead(self.history.as_of, PACE_DAYS) / PACE_DAYS
        return model.days_to_next(self._on_clock) / pace

    @cached_property
    def alive(self) -> Floats:
        """Chance that the customer has not left for good."""
        return self._states.sum(axis=1)

    @cached_property
    def amount(self) -> Floats:
        """What the customer's purchases are worth on average, before returns."""
        return self.prior.amounts.expected_amount(self.history)

    @cached_property
    def _on_clock(self) -> History:
        return self.prior.clock.history(self.history)

    @cached_property
    def _states(self) -> Floats:
        """Chance that the customer still buys and is in each stage, (n, stages)."""
        return self.prior.purchases.states(self._on_clock)

    @cached_property
    def _pairs(self) -> tuple[Sequence[NDArray], NDArray[np.intp]]:
        """The distinct pairs of repeat purchases and age, and each customer's place.

        A million customers share a few thousand pairs.
        """
        return distinct(self._on_clock.frequency, self._on_clock.age)

    def _if_alive(
        self,
        expected: Callable[[Floats, Floats, Floats], Floats],
        horizon_days: Days,
        rows: NDArray | None,
    ) -> Floats:
        """Return what is expected of who is in a stage, times the chance of that."""
        states = _chosen(self._states, rows)
        ahead = self.prior.clock.ahead(_chosen(self.history.as_of, rows), horizon_days)
        (repeats, age), place = self._pairs
        place = _chosen(place, rows)
        if len(ahead) and (ahead == ahead[0]).all():
            horizon = np.full(len(age), ahead[0])
        else:
            (pair, horizon), place = distinct(place, ahead)
            repeats, age = repeats[pair], age[pair]
        # The models have no nodes to add up of nobody.
        if not len(place):
            return np.zeros(0)
        values = expected(repeats, age, horizon)
        if values.shape[1] == 1:
            return states[:, 0] * values[:, 0][place]
        return (states * values[place]).sum(axis=1)


def _chosen(values: NDArray, rows: NDArray | None) -> NDArray:
    return values if rows is None else values[rows]


def thinned(history: History) -> History:
    """Return at most FIT_CUSTOMERS of the rows, always the same ones."""
    if len(history) <= FIT_CUSTOMERS:
        return history
    random = np.random.default_rng(0)
    chosen = random.choice(len(history), FIT_CUSTOMERS, replace=False)
    return history.take(np.sort(chosen))


def likeliest(
    history: History,
    clock: Clock,
    past: Callable[[], Window | None],
    near: ParetoNbd | None = None,
) -> PurchaseModel:
    """Fit the model of purchases that is likeliest for a history, on a clock.

    Both of customers who buy at random have four parameters, so that their likelihoods
    compare. A rhythm must have forecast better in the past. `near` is a model of the
    same history on almost the same clock, from which one search begins.
    """
    on_clock = clock.history(history)
    stages = stages_shown(history)
    window = past() if stages > 1 else None
    if window and holds(stages, window, clock):
        return ParetoNbd.fit(on_clock, stages)
    models = (ParetoNbd.fit(on_clock, near=near), BgNbd.fit(on_clock))
    return max(models, key=lambda model: model.log_likelihood(on_clock))
