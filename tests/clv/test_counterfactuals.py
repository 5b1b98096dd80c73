"""Tests that a scenario is forecast as a build would forecast it had it happened."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.clv.counterfactuals import by_date
from clv_warehouse.clv.now import Forecaster, History

# Some customers of every scenario, two of the least usual kinds of history among them:
# who bought on the scoring date, and whose last purchase came back in part.
CASES = """
    select histories.*
    from clv.counterfactual_histories as histories
    qualify row_number() over (
        partition by scenario, recency_days = 0, not is_return and amount > 100
        order by md5(customer_key)
    ) <= 2
    order by scenario, customer_key
"""


def changed(history: History, case: dict) -> History:
    """The history with what the scenario adds, put together anew."""
    known = {
        name: [row for row in getattr(history, name) if row["activity_date"] <= day]
        for name in ("customer_days", "customer_visits", "customer_reviews")
        for day in [case["scoring_date"]]
    }
    history = replace(history, **known)
    for order in range(1, case["further_orders"] + 1):
        days = case["recency_days"] * order // case["further_orders"]
        history = history.with_order(
            case["last_purchase_date"] + timedelta(days=days),
            *(case["amount"], case["items_per_order"], 0),
        )
    if case["is_return"]:
        today = history.with_order(case["scoring_date"], -case["amount"], 0, 0)
        *others, row = sorted(
            today.customer_days, key=lambda each: each["activity_date"]
        )
        row["orders"] -= 1
        row["purchase_amount"] += case["amount"]
        history = replace(today, customer_days=[*others, row])
    return history


def test_scenarios_are_forecast_as_if_they_had_happened(sample, forecaster: Forecaster):
    """test_now.py holds that the Forecaster says what a build says."""
    found = sample.sql(CASES).to_arrow_table().to_pylist()
    assert len({case["scenario"] for case in found}) == 12
    assert len(found) > 30
    for case in found:
        history = forecaster.history_of(sample, case["customer_key"])
        scored = forecaster.score_now(changed(history, case), case["as_of_date"])
        told = sample.sql(
            "select * from clv.counterfactual_scores "
            "where customer_key = $customer_key and scenario = $scenario "
            "order by horizon_days",
            params={name: case[name] for name in ("customer_key", "scenario")},
        ).to_arrow_table()
        for name in ("predicted_spend", "chance_of_buying", "prior_spend"):
            own, theirs = (
                np.array(rows[name].to_pylist(), dtype=float) for rows in (told, scored)
            )
            np.testing.assert_allclose(own, theirs, rtol=1e-5, err_msg=str(case))
        assert told["as_of_date"].to_pylist() == scored["as_of_date"].to_pylist()


def test_a_change_moves_a_customer_and_no_smaller_one_does(sample):
    """By the scores of all scenarios, whose values are put together anew here."""
    rate = 0.1
    [(margin,)] = sample.sql("select margin from clv.shop_margin").fetchall()
    told = sample.sql(
        "select customer_key, direction, scenario, limit_value, lifetime_value, "
        "other_lifetime_value from clv.counterfactuals where limit_value is not null "
        "order by md5(customer_key), direction limit 200"
    ).fetchall()
    # Values are those of forecasts to the cent.
    scores = sample.sql(
        "select * replace (round(predicted_spend, 2) as predicted_spend, "
        "round(prior_spend, 2) as prior_spend) "
        "from clv.counterfactual_scores where customer_key in $keys "
        "order by horizon_days",
        params={"keys": sorted({key for key, *_ in told})},
    ).to_arrow_table()
    by_case: dict[tuple[str, str], list[dict]] = {}
    for row in scores.to_pylist():
        by_case.setdefault((row["customer_key"], row["scenario"]), []).append(row)

    def value(rows: list[dict]) -> float:
        total, before, spent, ratio, prior = 0.0, 0, 0.0, 1.0, 0.0
        for row in rows:
            later = row["is_extrapolated"]
            now = (
                spent + ratio * (row["prior_spend"] - prior)
                if later
                else row["predicted_spend"]
            )
            middle = (before + row["horizon_days"]) / 2 / 365
            total += (now - spent) * margin / (1 + rate) ** middle
            if row["is_longest_horizon"] and row["prior_spend"]:
                ratio = row["predicted_spend"] / row["prior_spend"]
            before, spent, prior = row["horizon_days"], now, row["prior_spend"]
        return total

    scenarios = sample.sql(
        "select scenario, direction from reference.scenarios order by place"
    ).fetchall()
    moved = 0
    for key, direction, scenario, limit, now, other in told:
        first = None
        for name, of in scenarios:
            if of != direction or (key, name) not in by_case:
                continue
            worth = value(by_case[key, name])
            # A cent off the limit either way is a question of rounding.
            if abs(worth - float(limit)) <= 0.02 or abs(worth - float(now)) <= 0.02:
                first = scenario
                break
            if (worth >= limit) if direction == "up" else (worth < limit):
                first = name
                break
        assert first == scenario, (key, direction)
        if scenario:
            moved += 1
            assert value(by_case[key, scenario]) == pytest.approx(
                float(other), abs=0.02
            )
    assert moved > 100


def test_a_batch_is_cut_where_the_date_changes():
    days = [date(2024, 1, 1)] * 2 + [date(2024, 1, 8)]
    batch = pa.record_batch({"as_of_date": pa.array(days, pa.date32())})
    assert [part.num_rows for part in by_date(batch)] == [2, 1]
    assert by_date(batch.slice(0, 0)) == []
