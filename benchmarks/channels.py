"""Judges how a shop's acquisition budget is shared out, against the true optimum.

A made-up shop knows how many customers any spend would bring. Each rule shares out the
budget of the shop's last 13 weeks, and is measured by the value (margin within a year)
of the customers who would then come a week; `regret` is what the true optimum brings
more. One shop goes through the warehouse; of others only the arrivals are drawn. The
cohorts of the shop in the warehouse are judged too.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.harness import FOLDER, Dbt, Row
from benchmarks.shop import REPORTED_SEED, load_shop, make_known_shop
from clv_warehouse.marketing.channels import (
    DRAWS,
    PARTS,
    Budgets,
    best_parts,
    read_budgets,
    respond,
    share_out,
)
from clv_warehouse.marketing.responses import RECENT_WEEKS
from clv_warehouse.project.arrays import Floats
from clv_warehouse.shop import acquisition
from clv_warehouse.shop.settings import Settings

CUSTOMERS = 20_000
START, DAYS = date(2022, 1, 1), 1461
# Shops of which only the arrivals are drawn.
DRAWN_SEEDS = range(102, 122)
WEEKS = (
    "select * from marketing.channel_weeks order by channel, campaign_id, week_start"
)
VALUES = """
    select channel, cast(value as double)
    from marketing.acquisition_curves
    where dimension = 'channel' and age_months = 12
"""
COHORTS = """
    select
        dimension,
        period,
        count(*),
        sum(customers * abs(expected_value - actual_value))
            / sum(customers * actual_value),
        sum(customers * abs(expected_by_shop - actual_value))
            / sum(customers * actual_value),
        sum(customers * expected_value) / sum(customers * actual_value) - 1
    from marketing.acquisition_backtest
    group by dimension, period
    order by dimension, period
"""


def benchmark(customers: int = CUSTOMERS, folder: Path = FOLDER) -> Iterator[Row]:
    """Judge the rules on a shop of so many people, and what was said of its cohorts."""
    last = START + timedelta(days=DAYS - 1)
    shop = make_known_shop(customers, START, DAYS, last, folder / "cache")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        dbt = Dbt(Path(scratch) / "shop.duckdb")
        load_shop(shop, dbt.warehouse)
        dbt("seed", "--select", "reference")
        wanted = ("+channel_weeks", "+acquisition_curves", "+acquisition_backtest")
        settings = json.dumps({"as_of_date": str(last)})
        dbt("run", "--vars", settings, "--select", *wanted)
        with duckdb.connect(dbt.warehouse, read_only=True) as connection:
            weeks = connection.sql(WEEKS).to_arrow_table()
            values = dict(connection.execute(VALUES).fetchall())
            cohorts = connection.execute(COHORTS).fetchall()
    for dimension, period, count, error, by_shop, bias in cohorts:
        case = f"cohorts of {dimension}, {period.replace('_', ' ')}"
        yield Row(case, "channel", "cohorts", count)
        yield Row(case, "channel", "error_share", error)
        yield Row(case, "all channels", "error_share", by_shop)
        yield Row(case, "channel", "bias", bias)
    budgets = read_budgets(weeks, values)
    yield from _rows("budget", [judged(budgets, values, customers, REPORTED_SEED)])
    drawn = [
        judged(read_budgets(_drawn(seed, customers), values), values, customers, seed)
        for seed in DRAWN_SEEDS
    ]
    yield from _rows(f"budget, mean of {len(drawn)} shops", drawn)


def _rows(case: str, judgements: Sequence[dict[str, float]]) -> Iterator[Row]:
    """Means of the values that each rule brings, and what the optimum brings more."""
    mean = {
        name: float(np.mean([value[name] for value in judgements]))
        for name in judgements[0]
    }
    for name, value in mean.items():
        yield Row(case, name, "value_a_week", value)
        yield Row(case, name, "share_of_optimum", value / mean["optimum"])
        yield Row(case, name, "regret", mean["optimum"] - value)


def judged(
    budgets: Budgets | None, values: dict[str, float], customers: int, seed: int
) -> dict[str, float]:
    """Value a week of the customers whom the shares of each rule truly bring.

    Raises RuntimeError if the shop has no budgets.
    """
    if budgets is None:
        raise RuntimeError("The made-up shop has no budgets. Does it spend anything?")
    worth = np.array([values[name["channel"]] for name in budgets.names])
    true = _true_customers(budgets, customers, seed)
    total = budgets.today.sum()
    parts = total * np.arange(PARTS + 1) / PARTS
    curves = np.stack([true(np.full(len(worth), part)) for part in parts], axis=1)
    optimum = parts[best_parts(curves * worth[:, None])]
    shares = {"today": budgets.today, **_rules(budgets, worth), "optimum": optimum}
    return {name: float(true(spend) @ worth) for name, spend in shares.items()}


def _rules(budgets: Budgets, worth: Floats) -> dict[str, Floats]:
    """What each rule gives each budget; none knows the truth."""
    total = budgets.today.sum()
    credited = budgets.customers[:, -52:].sum(axis=1) * worth
    spent = budgets.spend[:, -52:].sum(axis=1)
    # The best return by last click first, as far as its spend is known.
    last_click = np.zeros(len(worth))
    for place in np.argsort(-credited / spent):
        room = total - last_click.sum()
        known = max(budgets.high[place], budgets.today[place])
        last_click[place] = max(0, min(room, known))
    generator = np.random.default_rng(1)
    responses = respond(budgets, generator)
    plan = share_out(
        responses,
        np.broadcast_to(worth, (DRAWS, len(worth))),
        budgets.today,
        budgets.low,
        budgets.high,
    )
    return {
        "channel_plan": plan.spend,
        "proportional": total * credited / credited.sum(),
        "last_click": last_click,
    }


def _settings(seed: int) -> Settings:
    return Settings(seed=seed, start=START, days=DAYS)


def _drawn(seed: int, customers: int) -> pa.Table:
    """Rows of channel_weeks of a shop whose arrivals alone are drawn."""
    settings = _settings(seed)
    spend = acquisition.spend(settings)
    size = acquisition.size(settings, customers)
    came = np.random.default_rng(seed).poisson(
        acquisition.arrivals(settings, spend) * size
    )
    weeks = DAYS // 7
    first = DAYS - 7 * weeks
    by_week = came[first:].reshape(weeks, 7, -1).sum(axis=1)
    spent = (spend[first:] * size).reshape(weeks, 7, -1).sum(axis=1)
    # Whoever clicks an advertisement last counts for it.
    credited = {
        campaign: sum(
            by_week[:, column]
            for column, source in enumerate(acquisition.SOURCES)
            if source.campaign == campaign
        )
        for campaign in ("", *(paid.campaign for paid in acquisition.PAID))
    }
    groups = [
        (paid.channel, paid.campaign, spent[:, place], credited[paid.campaign])
        for place, paid in enumerate(acquisition.PAID)
    ]
    groups.append(("none", "none", np.zeros(weeks), credited[""]))
    start = START + timedelta(days=first)
    return pa.Table.from_pylist(
        [
            {
                "channel": channel,
                "campaign_id": campaign,
                "week_start": start + timedelta(weeks=week),
                "spend": float(amounts[week]),
                "new_customers": int(counts[week]),
            }
            for channel, campaign, amounts, counts in groups
            for week in range(weeks)
        ]
    )


def _true_customers(
    budgets: Budgets, customers: int, seed: int
) -> Callable[[Floats], Floats]:
    """Return a function: customers a week that spend brings in the last 13 weeks."""
    settings = _settings(seed)
    spend = acquisition.spend(settings)
    size = acquisition.size(settings, customers)
    names = [name["campaign_id"] for name in budgets.names]
    columns = [
        next(i for i, paid in enumerate(acquisition.PAID) if paid.campaign == name)
        for name in names
    ]
    sources = [acquisition.SOURCES.index(acquisition.PAID[i]) for i in columns]
    days = 7 * RECENT_WEEKS

    def true(weekly: Floats) -> Floats:
        euros = spend.copy()
        # A month more, so that the spend before does not carry over.
        euros[-days - 30 :, columns] = weekly / 7 / size
        came = acquisition.arrivals(settings, euros)[-days:, sources]
        return came.sum(axis=0) * size / RECENT_WEEKS

    return true
