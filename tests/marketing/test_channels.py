"""Tests the curves of budgets, and how these are shared out, on known truths."""

import datetime as dt
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.marketing.channels import (
    SURE,
    best_parts,
    read_budgets,
    share_out,
    weeks_of_test,
)
from clv_warehouse.marketing.responses import Responses, demand, fit_responses

WEEKS = np.datetime64("2022-01-03") + 7 * np.arange(150)


def seasonal(weeks):
    """Trend and season of a made-up market."""
    years = (weeks - weeks[0]).astype(float) / 365.25
    return np.exp(0.3 * years), np.exp(0.4 * np.sin(2 * np.pi * years))


def made_up(generator, level, share, half):
    """Spend and customers of budgets with known curves, and customers of none."""
    trend, season = seasonal(WEEKS)
    trend = trend / trend[-13:].mean()
    spend = generator.lognormal(0, 0.5, (len(level), len(WEEKS)))
    spend *= generator.random(spend.shape) > 0.1
    brought = spend / (spend + half[:, None]) * (1 + half[:, None])
    mean = level[:, None] * (1 - share[:, None] + share[:, None] * brought)
    mean = mean * trend * season
    unclaimed = generator.poisson(20 * trend * season)
    return spend * trend, generator.poisson(mean).astype(float), unclaimed.astype(float)


def test_trend_and_season_are_told_apart():
    trend, season = seasonal(WEEKS)
    known = demand(WEEKS, 1000 * trend * season)
    assert known.trend == pytest.approx(trend / trend[-13:].mean(), rel=0.02)
    assert known.season == pytest.approx(season / season.mean(), rel=0.02)


def test_what_money_brings_is_told_from_what_comes_anyway():
    generator = np.random.default_rng(5)
    level, share = np.full(4, 60.0), np.array([0.2, 0.9, 0.9, 0.9])
    half = np.array([1.0, 0.3, 1.0, 3.0])
    spend, customers, unclaimed = made_up(generator, level, share, half)
    known = demand(WEEKS, unclaimed)
    found = fit_responses(known, spend, customers, 500, generator)
    usual = found.mean_spend[:, None] * np.array([0.0, 1.0, 1.5])
    none, now, more = np.moveaxis(found.customers(usual), 2, 0)
    mean = (spend / known.trend).mean(axis=1)
    for draws, ratio in ((now - none, 1.0), (more - none, 1.5)):
        low, high = np.percentile(draws, [1, 99], axis=0)
        at = ratio * mean
        true = level * share * at / (at + half) * (1 + half)
        assert ((low <= true * 1.1) & (true * 0.9 <= high)).all()
    # The first budget is credited with many who would have come.
    assert (now - none)[:, 0].mean() < 0.5 * now[:, 0].mean()


def test_a_budget_that_says_little_has_the_shape_of_the_others():
    generator = np.random.default_rng(2)
    level, share = np.array([80.0] * 5 + [0.3]), np.full(6, 0.9)
    spend, customers, unclaimed = made_up(generator, level, share, np.full(6, 1.0))
    known = demand(WEEKS, unclaimed)
    alone = fit_responses(known, spend[5:], customers[5:], 500, generator)
    together = fit_responses(known, spend, customers, 500, generator)
    error_alone = abs(alone.share[:, 0].mean() - 0.9)
    assert abs(together.share[:, 5].mean() - 0.9) < error_alone


def test_the_parts_are_the_best_of_all():
    value = np.random.default_rng(3).random((3, 8))
    every = [parts for parts in product(range(8), repeat=3) if sum(parts) == 7]
    best = max(every, key=lambda parts: sum(value[i, p] for i, p in enumerate(parts)))
    assert tuple(best_parts(value)) == best


def curves(half, spread, generator):
    """Two budgets of equal spend; the second one's curve bends later."""
    size = (300, 2)
    level = 100 * np.exp(generator.normal(0, spread, size))
    return Responses(
        np.ones(2), level, np.ones(size), np.full(size, half), np.ones(size), 1.0
    )


def test_money_goes_where_it_still_brings_something_within_what_is_known():
    generator = np.random.default_rng(4)
    found = curves(np.array([0.2, 4.0]), 0.05, generator)
    today, low, high = np.ones(2), np.full(2, 0.3), np.full(2, 1.5)
    plan = share_out(found, np.ones((300, 2)), today, low, high)
    assert plan.spend.sum() == pytest.approx(2)
    assert 1.4 < plan.spend[1] <= 1.53
    assert (plan.gain > 0).mean() >= SURE


def test_nothing_is_shifted_without_enough_certainty():
    generator = np.random.default_rng(4)
    found = curves(np.array([1.0, 1.0]), 2.0, generator)
    plan = share_out(found, np.ones((300, 2)), np.ones(2), np.zeros(2), np.full(2, 9.0))
    assert plan.spend == pytest.approx(np.ones(2))
    assert not plan.gain.any()


def test_one_budget_keeps_all():
    found = curves(np.array([1.0, 1.0]), 0.1, np.random.default_rng(1))
    alone = Responses(
        *(
            each[..., :1]
            for each in (
                found.mean_spend,
                found.level,
                found.share,
                found.half,
                found.slope,
            )
        ),
        1.0,
    )
    plan = share_out(alone, np.ones((300, 1)), np.ones(1), np.zeros(1), np.ones(1))
    assert plan.spend == pytest.approx([1])


def test_the_length_of_a_test_is_that_of_two_poisson_means():
    # Two arms of n/2 weeks each: z = |a - b| / sqrt(4 a / n) must reach 1.96 + .84.
    weeks = weeks_of_test(50.0, 40.0, 1.0)
    assert 10 / np.sqrt(4 * 50 / weeks) == pytest.approx(2.80, abs=0.1)
    assert weeks_of_test(50.0, 50.0, 1.0) is None


def rows(weeks, spend):
    """Rows of channel_weeks of one budget, and of customers of none."""
    days = [dt.date(2024, 1, 1) + dt.timedelta(weeks=week) for week in range(weeks)]
    table = [
        {
            "channel": channel,
            "campaign_id": "none",
            "week_start": day,
            "spend": amount,
            "new_customers": 3,
        }
        for channel, amount in (("mail", spend), ("none", 0.0))
        for day in days
    ]
    return pa.Table.from_pylist(table)


@pytest.mark.parametrize(
    ("weeks", "spend", "channels"),
    [(5, 9.0, {"mail"}), (30, 0.0, {"mail"}), (30, -2.0, {"mail"}), (30, 9.0, set())],
)
def test_without_weeks_spend_or_value_there_is_no_plan(weeks, spend, channels):
    assert read_budgets(rows(weeks, spend), channels) is None
    assert read_budgets(rows(30, 9.0), {"mail"}).today == pytest.approx([9])
