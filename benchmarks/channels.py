"""Judges how a shop's acquisition budget is shared out, against the true optimum.

A made-up shop knows how many customers any spend would bring. Each rule shares out the
budget of the shop's last 13 weeks, and is measured by the value (margin within a year)
of the customers who would then come a week; `regret` is what the true optimum brings
more. One shop goes through the warehouse; of others only the arrivals are drawn. The
cohorts of the shop in the warehouse are judged too. And of shops whose cohorts have
means that were drawn: how often do the ranges of acquisition_economics hold them?
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
from clv_warehouse.project.macros import sql_of_model
from clv_warehouse.project.places import ROOT
from clv_warehouse.shop import acquisition
from clv_warehouse.shop.settings import Settings

CUSTOMERS = 20_000
START, DAYS = date(2022, 1, 1), 1461
# Shops of which only the arrivals are drawn.
DRAWN_SEEDS = range(102, 122)
# By how much cohorts of a channel differ, as a standard deviation of the logarithm.
SPREADS = (0.0, 0.1, 0.3)
# DECISIONS.md says on which seeds the ranges were chosen.
RANGE_SEEDS = range(201, 217)
# By channel: new customers a month, margin of an order, orders a year after the first.
DRAWN_CHANNELS = {
    "search": (120, 20.0, 3.0),
    "social": (40, 15.0, 2.0),
    "referral": (15, 30.0, 4.0),
    "fair": (5, 25.0, 1.0),
}
DRAWN_MONTHS = np.arange("2022-01", "2025-01", dtype="datetime64[M]")
RANGE_MODELS = ("acquisition_cells", "fitted_curves", "acquisition_values")
AGES = {"30_days": 30, "90_days": 90, "365_days": 365, "payback": 180}
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
    for spread in SPREADS:
        yield from ranges(spread, folder)


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


def ranges(spread: float, folder: Path = FOLDER) -> Iterator[Row]:
    """How often the range of a cohort's value holds the mean that it was drawn with.

    A range leaves out a tenth on either side. Cohorts that are too young for a period
    are judged too.
    """
    inside: dict[tuple[str, str], list[float]] = {}
    for seed in RANGE_SEEDS:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            warehouse = Path(scratch) / "shop.duckdb"
            truth = _drawn_cohorts(spread, seed, warehouse)
            with duckdb.connect(str(warehouse)) as connection:
                connection.execute("set search_path = 'features,clv,marketing'")
                for model in RANGE_MODELS:
                    # Outside dbt a macro gives a text, and this one is to give a list.
                    sql = sql_of_model(
                        ROOT / f"models/marketing/{model}.sql",
                        acquisition_ages=lambda: range(25),
                    )
                    connection.execute(f"create table marketing.{model} as {sql}")
                said = connection.execute(
                    "select channel, first_month, period, is_observed, "
                    "cast(value_low as double), cast(value_high as double) "
                    "from marketing.acquisition_values where dimension = 'channel' "
                    "and period <> 'first_day' and period <> 'lifetime'"
                ).fetchall()
        for channel, month, period, is_observed, low, high in said:
            mean = truth[channel, month] * _brought(channel, AGES[period])
            for case in ("all cohorts", "observed" if is_observed else "expected"):
                inside.setdefault((period, case), []).append(low <= mean <= high)
    for (period, case), held in sorted(inside.items()):
        yield Row(
            f"ranges, cohorts differ by {spread}", case, period, float(np.mean(held))
        )


def _brought(channel: str, days: int) -> float:
    _, margin, orders = DRAWN_CHANNELS[channel]
    return margin * (1 + orders * days / 365)


def _drawn_cohorts(
    spread: float, seed: int, warehouse: Path
) -> dict[tuple[str, date], float]:
    """Write a shop of drawn customers; by cohort, what its customers spend more."""
    draw = np.random.default_rng(seed)
    quality = {}
    parts = []
    for channel, (a_month, margin, orders) in DRAWN_CHANNELS.items():
        for month in DRAWN_MONTHS:
            factor = float(np.exp(draw.normal(-(spread**2) / 2, spread)))
            quality[channel, month.astype(date)] = factor
            people = draw.poisson(a_month)
            first = month.astype("datetime64[D]") + draw.integers(0, 28, people)
            # Whoever buys more often than others does so for good.
            later = draw.poisson(draw.gamma(1.0, orders * 3, people))
            who = np.repeat(np.arange(people), 1 + later)
            after = draw.integers(1, 3 * 365 + 1, len(who))
            after[np.unique(who, return_index=True)[1]] = 0
            amount = margin * factor * np.exp(draw.normal(-0.32, 0.8, len(who)))
            parts.append(
                pa.table(
                    {
                        "channel": pa.array([channel] * len(who), pa.string()),
                        "customer": pa.array(who),
                        "first_order_date": first[who],
                        "activity_date": first[who] + after,
                        "net_amount": amount.round(4),
                    }
                )
            )
    with duckdb.connect(str(warehouse)) as connection:
        connection.register("drawn", pa.concat_tables(parts))
        connection.execute(
            """
            create schema features; create schema clv; create schema marketing;
            create table features.as_of_dates as
            select date '2024-12-31' as as_of_date, true as is_scoring_date;
            create table clv.shop_margin as select 1e0 as margin;
            create temp table days as
            select *, concat_ws(' ', channel, first_order_date, customer)
                as customer_key
            from drawn where activity_date <= date '2024-12-31';
            create table features.customer_days as
            select customer_key, activity_date,
                sum(net_amount)::decimal(38, 4) as net_amount
            from days group by all;
            create table marketing.acquired_customers as
            select distinct customer_key, first_order_date,
                date_trunc('month', first_order_date)::date as first_month, channel,
                null::varchar as campaign_id, 'DE' as country
            from days;
            create table clv.customer_lifetime_value as
            select customer_key, sum(net_amount)::decimal(38, 2) as total_value
            from days group by all;
            create table marketing.acquisition_costs (dimension varchar,
                channel varchar, campaign_id varchar, country varchar,
                first_month date, cost decimal(38, 4));
            """
        )
    return quality
