"""How to share a budget for new customers: what a part of it would bring elsewhere."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.marketing.responses import (
    LEAST_WEEKS,
    RECENT_WEEKS,
    Demand,
    Responses,
    demand,
    fit_responses,
)
from clv_warehouse.project.arrays import Floats

DRAWS = 400
SEED = 1
# A budget is shared out in so many equal parts.
PARTS = 100
# Weeks' spend between these shares of all weeks is what the data know.
KNOWN_RANGE = (10, 90)
# A shift is recommended if it gains with this chance.
SURE = 0.9
# The range that is told: the value lies below or above in one case out of ten each.
RANGE = (10, 90)
# Fewer customers whom no spend claims, a week, do not tell the season.
LEAST_UNCLAIMED = 2
# A test finds the difference that is expected with a chance of .8, and one that is not
# there with a chance of .05: the sum of the normal quantiles.
NORMALS = 1.96 + 0.8416
MOST_TEST_WEEKS = 26

SCHEMA = pa.schema(
    [
        ("channel", pa.string()),
        ("campaign_id", pa.string()),
        ("weeks", pa.int32()),
        ("weekly_spend", pa.float64()),
        ("weekly_customers", pa.float64()),
        ("brought_customers", pa.float64()),
        ("brought_customers_low", pa.float64()),
        ("brought_customers_high", pa.float64()),
        ("customer_value", pa.float64()),
        ("marginal_value", pa.float64()),
        ("marginal_value_low", pa.float64()),
        ("marginal_value_high", pa.float64()),
        ("known_spend_low", pa.float64()),
        ("known_spend_high", pa.float64()),
        ("recommended_spend", pa.float64()),
        ("expected_gain", pa.float64()),
        ("expected_gain_low", pa.float64()),
        ("expected_gain_high", pa.float64()),
        ("plan_gain", pa.float64()),
        ("plan_chance", pa.float64()),
        ("test_spend", pa.float64()),
        ("test_weeks", pa.int32()),
    ]
)


@dataclass(frozen=True, eq=False)
class Plan:
    """How a weekly budget is shared out.

    Attributes:
        spend: what each budget gets a week, shape (budgets,).
        gain: value a week more than by today's shares, in each draw, shape (draws,).

    """

    spend: Floats
    gain: Floats


@dataclass(frozen=True, eq=False)
class Values:
    """What a new customer is worth, by budget: its mean and standard deviation."""

    mean: Floats
    deviation: Floats

    def drawn(self, draws: int, generator: np.random.Generator) -> Floats:
        """Values that may be the true ones, shape (draws, budgets)."""
        size = (draws, len(self.mean))
        return np.maximum(generator.normal(self.mean, self.deviation, size), 0)


@dataclass(frozen=True, eq=False)
class Budgets:
    """The budgets that spend money today, and their weeks.

    Attributes:
        names: channel and campaign_id of each.
        spend, customers: of each week, shape (budgets, weeks).
        known: demand, whatever was spent.
        today: weekly spend of the last weeks, shape (budgets,).
        low, high: what a week's spend usually was, for today's size of the market.

    """

    names: list[dict]
    spend: Floats
    customers: Floats
    known: Demand
    today: Floats
    low: Floats
    high: Floats


@doorway
def plan_channels(weeks: Relation, values: Relation) -> pa.Table:
    """Plan the budgets of channel_weeks; rows of SCHEMA.

    None if fewer than `LEAST_WEEKS` weeks are known, or nothing was spent lately.
    """
    told = {
        row["channel"]: row
        for row in values.order("channel").to_arrow_table().to_pylist()
        if row["value"] is not None
    }
    rows = weeks.order("channel, campaign_id, week_start").to_arrow_table()
    budgets = read_budgets(rows, told)
    if budgets is None:
        return SCHEMA.empty_table()
    rows_of = [told[name["channel"]] for name in budgets.names]
    values_of = Values(
        np.array([float(row["value"]) for row in rows_of]),
        np.array([_deviation(row) for row in rows_of]),
    )
    generator = np.random.default_rng(SEED)
    responses = respond(budgets, generator)
    worth = values_of.drawn(DRAWS, generator)
    plan = share_out(responses, worth, budgets.today, budgets.low, budgets.high)
    return _rows(budgets, responses, values_of, worth, plan)


def read_budgets(rows: pa.Table, channels: Collection[str]) -> Budgets | None:
    """Read rows of channel_weeks in order; None if there is nothing to plan.

    Budgets that spent nothing in the last `RECENT_WEEKS` weeks, and those of other
    channels than these, are left as they are.
    """
    week = np.unique(rows["week_start"].to_numpy().astype("datetime64[D]"))
    if len(week) < LEAST_WEEKS:
        return None
    names = rows.select(["channel", "campaign_id"]).to_pylist()[:: len(week)]
    shape = (len(names), len(week))
    # Money that a channel gave back in a week brings nobody.
    spend = np.maximum(rows["spend"].cast(pa.float64()).to_numpy(), 0).reshape(shape)
    customers = rows["new_customers"].cast(pa.float64()).to_numpy().reshape(shape)
    unclaimed = np.array([name["channel"] == "none" for name in names])
    is_live = spend[:, -RECENT_WEEKS:].sum(axis=1) > 0
    is_live &= np.array([name["channel"] in channels for name in names])
    if not is_live.any():
        return None
    free = customers[unclaimed].sum(axis=0)
    if free.mean() < LEAST_UNCLAIMED:
        free = customers.sum(axis=0)
    known = demand(week, free)
    spend = spend[is_live]
    low, high = np.percentile(spend / known.trend, KNOWN_RANGE, axis=1)
    return Budgets(
        [name for name, chosen in zip(names, is_live, strict=True) if chosen],
        spend,
        customers[is_live],
        known,
        spend[:, -RECENT_WEEKS:].mean(axis=1),
        low,
        high,
    )


def respond(budgets: Budgets, generator: np.random.Generator) -> Responses:
    """Learn what the money of each budget brings."""
    return fit_responses(
        budgets.known, budgets.spend, budgets.customers, DRAWS, generator
    )


def share_out(
    responses: Responses, worth: Floats, today: Floats, low: Floats, high: Floats
) -> Plan:
    """Share today's weekly budget out so that the value it brings is largest.

    No budget leaves the range of spend from `low` to `high` that was seen, and the step
    from today's shares is as large as gains something with a chance of `SURE`.
    """
    total = today.sum()
    parts = total * np.arange(PARTS + 1) / PARTS
    spend = np.broadcast_to(parts, (len(today), PARTS + 1))
    value = (responses.customers(spend) * worth[..., None]).mean(axis=0)
    # Today's own spend may lie outside of what was usual.
    is_out = (spend < np.minimum(low, today)[:, None] - total / PARTS) | (
        spend > np.maximum(high, today)[:, None] + total / PARTS
    )
    best = parts[best_parts(np.where(is_out, -np.inf, value))]
    for step in np.linspace(1, 0, 21):
        shares = today + step * (best - today)
        gain = _value(responses, worth, shares) - _value(responses, worth, today)
        if (gain > 0).mean() >= SURE:
            return Plan(shares, gain)
    return Plan(today, np.zeros(len(worth)))


def _value(responses: Responses, worth: Floats, spend: Floats) -> Floats:
    """Value that a week brings in each draw, shape (draws,)."""
    return (responses.customers(spend[:, None])[..., 0] * worth).sum(axis=1)


def best_parts(value: Floats) -> NDArray[np.intp]:
    """How many of all parts each budget gets, for the largest sum of `value`.

    `value` has shape (budgets, parts + 1). Dynamic programming over the budgets finds
    the optimum for curves of any shape.
    """
    budgets, size = value.shape
    best = np.full(size, -np.inf)
    best[0] = 0
    chosen = np.zeros((budgets, size), np.intp)
    used, given = np.indices((size, size))
    rest = used - given
    for budget in range(budgets):
        sums = np.where(rest >= 0, best[rest] + value[budget][given], -np.inf)
        chosen[budget] = sums.argmax(axis=1)
        best = sums.max(axis=1)
    parts = np.zeros(budgets, np.intp)
    left = size - 1
    for budget in reversed(range(budgets)):
        parts[budget] = chosen[budget, left]
        left -= parts[budget]
    return parts


def weeks_of_test(now: float, then: float, scatter: float) -> int | None:
    """Weeks until a split in two halves tells these customers a week apart.

    Either half of the weeks, or half of the regions in all weeks, gets the other spend.
    None if they are alike.
    """
    if abs(now - then) < 1e-9:
        return None
    weeks = 4 * scatter * max(now, then) * (NORMALS / (now - then)) ** 2
    return max(2, math.ceil(min(weeks, 10_000)))


def _deviation(row: dict) -> float:
    if row["value_high"] is None:
        return 0.0
    return float(row["value_high"] - row["value_low"]) / (2 * 1.2816)


def _rows(
    budgets: Budgets,
    responses: Responses,
    values: Values,
    worth: Floats,
    plan: Plan,
) -> pa.Table:
    today = budgets.today
    step = np.maximum(today, today.mean() / PARTS) * 0.05
    levels = np.stack([np.zeros_like(today), today, plan.spend, today + step], axis=1)
    none, now, then, more = np.moveaxis(responses.customers(levels), 2, 0)
    brought = now - none
    marginal = (more - now) / step * worth
    gain = (then - now) * worth
    rows = []
    for place, name in enumerate(budgets.names):
        rows.append(
            {
                **name,
                "weeks": budgets.spend.shape[1],
                "weekly_spend": today[place],
                "weekly_customers": now[:, place].mean(),
                **_ranged("brought_customers", brought[:, place]),
                "customer_value": values.mean[place],
                **_ranged("marginal_value", marginal[:, place]),
                "known_spend_low": budgets.low[place],
                "known_spend_high": budgets.high[place],
                "recommended_spend": plan.spend[place],
                **_ranged("expected_gain", gain[:, place]),
                "plan_gain": plan.gain.mean(),
                "plan_chance": (plan.gain > 0).mean(),
                **_test(
                    today[place],
                    plan.spend[place],
                    now[:, place].mean(),
                    then[:, place].mean(),
                    none[:, place].mean(),
                    responses.scatter,
                ),
            }
        )
    return pa.Table.from_pylist(rows, SCHEMA)


def _test(
    today: float, other: float, now: float, then: float, none: float, scatter: float
) -> dict[str, float | int | None]:
    """The spend that a test compares with today's, and for how many weeks.

    It is the recommended one, or none at all if a pause tells sooner what money brings
    and the other would take more than half a year.
    """
    weeks = weeks_of_test(now, then, scatter)
    pause = weeks_of_test(now, none, scatter)
    if weeks is None or (weeks > MOST_TEST_WEEKS and pause and pause < weeks):
        return {"test_spend": 0.0, "test_weeks": pause}
    return {"test_spend": other, "test_weeks": weeks}


def _ranged(name: str, values: Floats) -> dict[str, float]:
    low, high = np.percentile(values, RANGE)
    return {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
