"""Tests that the backtest sees nothing after an origin, and what it decides."""

from datetime import date, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from clv_warehouse.clv.backtest import SCHEMA, backtest, judge
from clv_warehouse.clv.baselines import BASELINES
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import Observations
from clv_warehouse.clv.registry import PRIOR, decide, mean_measures
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.learning.acceptance import judged_cases
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from simulated import FIRST, NO_DAYS, shop

CONFIG = NetworkConfig(hidden_units=(16, 8), epochs=3)
ORIGIN = FIRST + timedelta(days=300)
FORECASTS = [
    "predicted_spend",
    "chance_of_buying",
    "spend_p10",
    "spend_p50",
    "spend_p90",
]


def judged(features, targets):
    observations = Observations.from_arrow(features, targets)
    end = ORIGIN + timedelta(days=91)
    return judge(
        observations, ShopDays.from_arrow(NO_DAYS), end, 91, CONFIG, Progress("test")
    )


def test_what_happens_after_an_origin_changes_no_forecast_at_it():
    features, targets = shop()
    window_ends = pc.add(
        targets["as_of_date"].cast(pa.int32()), targets["horizon_days"].cast(pa.int32())
    )
    is_future = pc.greater(window_ends, (ORIGIN - date(1970, 1, 1)).days)
    changed = targets.set_column(
        targets.schema.get_field_index("spend"),
        "spend",
        pc.if_else(is_future, 1e4, targets["spend"]),
    )
    later = pc.greater(features["as_of_date"], pa.scalar(ORIGIN))
    altered = features.set_column(
        features.schema.get_field_index("past_spend"),
        "past_spend",
        pc.if_else(later, 1e6, features["past_spend"]),
    )
    before, after = judged(features, targets), judged(altered, changed)
    assert before.select(FORECASTS).equals(after.select(FORECASTS))
    assert not before["actual_spend"].equals(after["actual_spend"])


def test_the_truth_stands_beside_each_forecast():
    features, targets = shop()
    found = judged(features, targets)
    assert set(found["model"].to_pylist()) == {
        "clv_network",
        "prior",
        *BASELINES,
    }
    truth = {
        row["customer_key"]: (row["spend"], row["purchases"])
        for row in targets.to_pylist()
        if row["as_of_date"] == ORIGIN and row["horizon_days"] == 91
    }
    rows = found.to_pylist()
    assert len(rows) == len(truth) * (2 + len(BASELINES))
    for row in rows:
        assert (row["actual_spend"], row["actual_purchases"]) == truth[
            row["customer_key"]
        ]


@pytest.mark.parametrize("as_of_date", [None, date(2024, 3, 1)])
def test_without_customers_nothing_is_judged(as_of_date):
    features, targets = shop(customers=3)
    with duckdb.connect() as connection:
        connection.register("features", features.slice(0, 0))
        connection.register("targets", targets.slice(0, 0))
        connection.register("days", NO_DAYS)
        found = backtest(
            Plan("clv_network", True, "test", as_of_date, settings='{"network": {}}'),
            connection.table("features"),
            connection.table("targets"),
            connection.table("days"),
            [30, 91],
        )
    assert found.schema == SCHEMA
    assert len(found) == 0


def test_nothing_is_judged_anew_while_nothing_is_due():
    with duckdb.connect() as connection:
        rows = connection.sql("select 1 as as_of_date")
        plan = Plan("clv_network", False, "test", date(2025, 1, 1))
        assert backtest(plan, rows, rows, rows, [30]) == SCHEMA.empty_table()


def case(gini, bias, mae):
    return {"normalised_gini": gini, "total_bias": bias, "mae": mae}


@pytest.mark.parametrize(
    ("network", "prior", "verdict", "words"),
    [
        # Better in all three.
        (case(0.80, 0.1, 9.9), case(0.79, 0.1, 10), "accepted", "rank 5 % better"),
        # The total of a shop where most buy nothing: a third less wrong outweighs that
        # the mean error, least for who forecasts nothing, is a little worse.
        (case(0.74, -0.17, 11), case(0.73, -0.36, 10), "accepted", "error 10 % worse"),
        (case(0.77, 0.1, 10), case(0.79, 0.1, 10), "rejected", "rank 10 % worse (Gini"),
        (case(0.80, 0.6, 10), case(0.79, 0.1, 10), "rejected", "total 131 % worse"),
        # So much worse in one of them does not score, however good the others are.
        (case(0.50, 0.0, 5), case(0.79, 1.5, 10), "rejected", "not accepted: rank"),
    ],
)
def test_a_network_is_weighed_in_rank_total_and_error(network, prior, verdict, words):
    decision = decide([{"clv_network": network, PRIOR: prior}])
    assert decision.verdict == verdict
    assert decision.is_accepted == (verdict == "accepted")
    assert words in decision.reason
    assert "over 1 past forecast" in decision.reason


def test_a_network_is_weighed_over_all_cases_that_judged_it():
    """Twice as wrong in one case and half as wrong in the other is as wrong."""
    prior = case(0.8, 0.1, 10)
    cases = [
        {"clv_network": case(0.8, 0.1, 20), PRIOR: prior},
        {"clv_network": case(0.8, 0.1, 5), PRIOR: prior},
        {PRIOR: case(0.8, 0.1, 1)},
    ]
    decision = decide(cases)
    assert decision.is_accepted
    assert "error 0 % better (12.5 against 10.0 per customer)" in decision.reason


@pytest.mark.parametrize("cases", [[], [{PRIOR: case(0.8, 0.1, 1)}]])
def test_a_network_that_was_not_judged_does_not_score(cases):
    decision = decide(cases)
    assert decision.verdict == "too short to judge"
    assert not decision.is_accepted


def test_measures_are_means_over_cases_by_size_of_bias_and_relative_mae():
    rows = pa.table(
        {
            "origin_date": [date(2024, 5, 2)] * 4 + [date(2024, 3, 2)] * 4,
            "horizon_days": [30] * 4 + [91] * 4,
            "model": ["clv_network", "clv_network", *["prior"] * 2] * 2,
            "measure": ["total_bias", "mae"] * 4,
            "value": [0.2, 5.0, 0.1, 10.0, -0.4, 300.0, 0.1, 200.0],
        }
    )
    with duckdb.connect() as connection:
        connection.register("metrics", rows)
        metrics = connection.table("metrics")
        found = mean_measures(judged_cases(metrics, date(2024, 6, 1)))
        # What was judged as of another date stands since an earlier training.
        assert judged_cases(metrics, date(2024, 6, 2)) == []
    assert found["clv_network"] == pytest.approx({"mae": 1.0, "total_bias": 0.3})
