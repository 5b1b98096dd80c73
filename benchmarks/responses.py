"""A made-up shop whose customers' responses to actions are known, round by round.

It writes the tables that the models of the loop read, as a build would have made them,
and answers what was planned with orders. A customer orders by chance (Poisson) at a
rate of their own; a contact adds EFFECTS of the scenario to the orders of the horizon,
times a factor of the customer's own that nobody can see.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from clv_warehouse.project.arrays import Bools, Floats, Ints

HORIZON = 28
MARGIN = 0.5
COST = 0.02
START = date(2025, 1, 31)
HELD_OUT, AGREED = 0.05, 0.9
SEGMENTS = ("new", "active", "loyal", "at_risk", "lapsed")
ACTIONS = ("win_back", "second_purchase", "thank_vip", "replenish", "cross_sell")
NEW, ACTIVE, LOYAL, AT_RISK, LAPSED = range(5)

# Orders that one contact adds within the horizon, by scenario, action and segment.
EFFECTS: dict[str, dict[tuple[str, str], float]] = {
    # What is believed of most cells is wrong, of some in sign.
    "mixed": {
        ("win_back", "at_risk"): 0.06,
        ("second_purchase", "new"): 0.05,
        ("thank_vip", "active"): -0.03,
        ("thank_vip", "loyal"): 0.0,
        ("replenish", "new"): 0.04,
        ("replenish", "active"): 0.08,
        ("replenish", "loyal"): -0.05,
        ("cross_sell", "active"): 0.0,
        ("cross_sell", "loyal"): 0.06,
    },
    "harmful": {(action, segment): -0.04 for action in ACTIONS for segment in SEGMENTS},
}


@dataclass
class Market:
    """The customers, shape (n,) each, and the day that they are at.

    Attributes:
        scenario: one of EFFECTS.
        warehouse: the file whose tables the loop reads.
        generator: draws all that is not planned.
        as_of: the scoring date.

    """

    scenario: str
    warehouse: Path
    customers: int
    generator: np.random.Generator
    as_of: date = START
    rate: Floats = field(init=False)
    value: Floats = field(init=False)
    factor: Floats = field(init=False)
    is_alive: Bools = field(init=False)
    recency: Ints = field(init=False)
    tenure: Ints = field(init=False)
    frequency: Ints = field(init=False)

    def __post_init__(self) -> None:
        """Draw who there is, and write the tables that never change."""
        draw, n = self.generator, self.customers
        self.rate = draw.gamma(1.5, 0.3, n) + 0.05
        self.value = np.round(35 * np.exp(draw.normal(-0.18, 0.6, n)), 2)
        self.factor = draw.gamma(2, 0.5, n)
        self.tenure = draw.integers(5, 900, n)
        self.is_alive = draw.random(n) < np.exp(-self.tenure / 900)
        since = draw.exponential(HORIZON / self.rate)
        gone = draw.random(n) * self.tenure
        seen = np.where(self.is_alive, since, since + gone)
        self.recency = np.minimum(seen, self.tenure).astype(np.int64)
        active = (self.tenure - self.recency) / HORIZON * self.rate
        self.frequency = 1 + draw.poisson(active)
        self.key = np.array([f"{number:024x}" for number in range(n)], object)
        self._write_once()

    @property
    def segment(self) -> Ints:
        """The lifecycle stage of each customer, by the rules of macros/segment.sql."""
        gap = (self.tenure - self.recency + 3 * 91 / 3) / (self.frequency + 2)
        patience = np.where(self.frequency == 1, 91, 3 * gap)
        conditions = [
            self.recency >= 2 * patience,
            self.recency >= patience,
            self.frequency >= 5,
            self.tenure < 91,
        ]
        return np.select(conditions, [LAPSED, AT_RISK, LOYAL, NEW], ACTIVE)

    @property
    def expected_orders(self) -> Floats:
        """Orders that come within the horizon if nothing is done."""
        return np.where(self.is_alive, self.rate, 0.0)

    def effect(self, action: str, segment: Ints) -> Floats:
        """Orders that a contact adds on average to customers of each segment."""
        effects = EFFECTS[self.scenario]
        by_segment = [effects.get((action, name), 0.0) for name in SEGMENTS]
        return np.array(by_segment)[segment]

    def gain(self, action: str, segment: Ints, *, is_own: bool = True) -> Floats:
        """Margin that an action adds to each customer, less its cost.

        The customer's own response, or that of the average customer of the segment.
        """
        if action == "nothing":
            return np.zeros(self.customers)
        effect = self.effect(action, segment)
        if is_own:
            base = self.expected_orders
            effect = np.maximum(base + effect * self.factor, 0) - base
        return effect * self.value * MARGIN - COST

    def write(self) -> None:
        """Write the tables of the scoring date."""
        segment = self.segment
        # A forecast knows the rate, and how likely a silent customer still buys.
        odds = np.exp(-self.rate * self.recency / HORIZON / 2)
        predicted = self.rate * odds * self.value * 30 / HORIZON
        worth = predicted * 12
        decile = np.empty(self.customers, np.int64)
        decile[np.argsort(-worth, kind="stable")] = (
            np.arange(self.customers) * 10 // self.customers + 1
        )
        due = np.maximum(HORIZON / self.rate - self.recency, 1).astype(np.int64)
        today = np.datetime64(self.as_of)
        ends = today + due
        with duckdb.connect(str(self.warehouse)) as connection:
            _write(
                connection,
                "profiles.customer_profiles",
                customer_key=self.key,
                as_of_date=np.full(self.customers, today),
                segment=np.array(SEGMENTS, object)[segment],
                frequency=self.frequency,
                recency_days=self.recency,
                value_decile=decile,
                average_order_value=self.value,
                usual_gap_days=HORIZON / self.rate,
                next_order_date=ends,
                lifetime_value=np.round(worth, 2),
                rating_last=pa.nulls(self.customers, pa.int32()),
            )
            for money in ("average_order_value", "lifetime_value"):
                connection.execute(
                    "alter table profiles.customer_profiles "
                    f"alter {money} type decimal(38, 2)"
                )
            _write(
                connection,
                "clv.clv_predictions",
                customer_key=self.key,
                as_of_date=np.full(self.customers, today),
                horizon_days=np.full(self.customers, 30),
                predicted_spend=predicted,
            )
            _write(
                connection,
                "features.as_of_dates",
                as_of_date=np.array([today]),
                is_scoring_date=np.array([True]),
            )

    def answer(self, planned: Mapping[str, Ints]) -> None:
        """Let a horizon pass in which what is planned was done.

        `planned` has the positions of those who get each action.
        """
        segment, draw = self.segment, self.generator
        rate = self.expected_orders
        for action, who in planned.items():
            if action != "nothing":
                rate[who] += (self.effect(action, segment) * self.factor)[who]
        orders = draw.poisson(np.maximum(rate, 0))
        who = np.repeat(np.arange(self.customers), orders)
        day = draw.integers(1, HORIZON + 1, len(who))
        amount = self.value[who] * np.exp(draw.normal(-0.08, 0.4, len(who)))
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.register(
                "came",
                pa.table(
                    {
                        "customer_key": self.key[who],
                        "activity_date": np.datetime64(self.as_of) + day,
                        "amount": amount,
                    }
                ),
            )
            connection.execute(
                "insert into features.customer_days "
                "select customer_key, cast(activity_date as date), count(*), "
                "sum(amount), sum(amount) from came group by all"
            )
        last = np.zeros(self.customers, np.int64)
        np.maximum.at(last, who, day)
        self.recency = np.where(orders > 0, HORIZON - last, self.recency + HORIZON)
        self.tenure = self.tenure + HORIZON
        self.frequency = self.frequency + orders
        self.is_alive &= draw.random(self.customers) < np.exp(-HORIZON / 900)
        self.is_alive |= orders > 0
        self.as_of += timedelta(HORIZON)

    def _write_once(self) -> None:
        draw, n = self.generator, self.customers
        held_out = np.flatnonzero(draw.random(n) < HELD_OUT)
        agreed = np.flatnonzero(draw.random(n) < AGREED)
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute(
                """
                create schema features; create schema clv; create schema profiles;
                create schema orders; create schema recommendations;
                create schema marketing;
                create table features.customer_days (
                    customer_key varchar, activity_date date, orders integer,
                    purchase_amount decimal(38, 4), net_amount decimal(38, 4)
                );
                create table marketing.customer_uplift (
                    customer_key varchar, offer varchar, effect double,
                    effect_error double
                );
                create table orders.dim_calendar (calendar_date date, kind varchar);
                create table orders.fct_campaign_sends (
                    customer_key varchar, sent_date date
                );
                """
            )
            _write(
                connection,
                "recommendations.product_recommendations",
                customer_key=np.tile(self.key, 3),
                list=np.repeat(np.array(["again", "new", "both"], object), n),
                rank=np.ones(3 * n, np.int32),
                product_id=np.tile(np.array(["P1"], object), 3 * n),
                product_name=np.tile(np.array(["Cup"], object), 3 * n),
            )
            # Everybody has bought before, so that nobody is unknown.
            connection.execute(
                "insert into features.customer_days "
                "select customer_key, date '2025-01-01', 1, 1, 1 "
                "from recommendations.product_recommendations where list = 'new'"
            )
            _write(connection, "clv.shop_margin", margin=np.array([MARGIN]))
            _write(
                connection,
                "marketing.experiment_assignments",
                customer_key=self.key[held_out],
                is_held_out=np.ones(len(held_out), bool),
                ended_date=pa.nulls(len(held_out), pa.date32()),
            )
            given = np.full(len(agreed), np.datetime64("2024-01-01"), "datetime64[us]")
            _write(
                connection,
                "orders.fct_consents",
                customer_key=self.key[agreed],
                purpose=np.full(len(agreed), "email", object),
                given_at=given,
                withdrawn_at=pa.nulls(len(agreed), pa.timestamp("us")),
            )


def _write(
    connection: duckdb.DuckDBPyConnection, name: str, **columns: np.ndarray | pa.Array
) -> None:
    connection.register("written", pa.table(columns))
    connection.execute(f"create or replace table {name} as from written")
    connection.unregister("written")
