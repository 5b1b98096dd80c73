"""Tests the ranges of totals against errors whose distribution is known."""

from datetime import date

import numpy as np
import pytest
from scipy.stats import t as student

from clv_warehouse.clv.observations import Observations
from clv_warehouse.clv.season import ShopDays
from clv_warehouse.clv.totals import SCHEMA, half_width, totals_until
from simulated import NO_DAYS, shop

DAY = np.datetime64("2024-01-01")


def test_without_past_forecasts_the_range_is_that_of_other_shops():
    width = half_width(np.array([]), np.array([], dtype="datetime64[D]"), 91)
    # Three forecasts that were off by 12 %.
    assert width == pytest.approx(0.12 * student.ppf(0.9, 3))


def test_overlapping_forecasts_count_once():
    errors = np.full(10, 0.6)
    apart = half_width(errors, DAY + 365 * np.arange(10), 365)
    together = half_width(errors, DAY + np.arange(10), 365)
    one = half_width(errors[:1], np.array([DAY]), 365)
    assert apart == pytest.approx(
        np.sqrt((3 * 0.0144 + 10 * 0.36) / 13) * student.ppf(0.9, 13)
    )
    assert together == pytest.approx(one, rel=0.02)


@pytest.mark.parametrize("sd", [0.1, 0.12, 0.2, 0.3])
def test_ranges_hold_four_totals_of_five(sd):
    random = np.random.default_rng(1)
    held = []
    for _ in range(2000):
        errors = random.normal(0, sd, 13)
        width = half_width(errors[:-1], DAY + 365 * np.arange(12), 365)
        held.append(abs(errors[-1]) <= width)
    assert 0.75 <= np.mean(held) <= 0.88


def test_a_past_range_rests_on_what_was_known_then():
    features, targets = shop(customers=450)
    observations = Observations.from_arrow(features, targets)
    end = max(targets["as_of_date"].to_pylist())
    days = ShopDays.from_arrow(NO_DAYS)
    found = totals_until(observations, days, date(2025, 1, 1), [30, 91]).to_pylist()
    assert list(found[0]) == SCHEMA.names
    past = [row for row in found if row["actual_spend"] is not None]
    assert past
    assert max(row["origin_date"] for row in past) <= end
    spent = {}
    for row in targets.to_pylist():
        key = row["as_of_date"], row["horizon_days"]
        spent[key] = spent.get(key, 0) + row["spend"]
    for row in past:
        key = row["origin_date"], row["horizon_days"]
        assert row["actual_spend"] == pytest.approx(spent[key])
        assert row["log_error"] == pytest.approx(
            np.log(row["said_spend"] / row["actual_spend"])
        )
        assert row["known_forecasts"] == sum(
            other["horizon_days"] == row["horizon_days"]
            and (row["origin_date"] - other["origin_date"]).days >= row["horizon_days"]
            for other in past
        )
    for horizon in (30, 91):
        (last,) = (
            row
            for row in found
            if row["actual_spend"] is None and row["horizon_days"] == horizon
        )
        assert last["origin_date"] == date(2025, 1, 1)
        assert last["known_forecasts"] == sum(
            row["horizon_days"] == horizon for row in past
        )
