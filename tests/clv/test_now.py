"""Tests that one customer is forecast as the next build forecasts all, and at once."""

import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from clv_warehouse.clv.now import ForecastError, History

FIRST_DAY = date(2024, 1, 1)
KEYS = """
    select customer_key from features.customer_features
    where as_of_date = (select max(as_of_date) from features.as_of_dates) and {}
    order by md5(customer_key) limit 8
"""
# Their last day has one order and nothing that came back.
ONE_ORDER = """
    customer_key in (
        select customer_key from features.customer_days
        group by customer_key
        having max_by(orders, activity_date) = 1
            and max_by(returned_amount, activity_date) = 0
    )
"""


def keys(sample, condition="true"):
    found = [key for (key,) in sample.sql(KEYS.format(condition)).fetchall()]
    assert len(found) == 8
    return found


def assert_as_built(sample, found, key):
    """The build's numbers, but for the last bits of float32.

    Those depend on which customers share a batch.
    """
    built = sample.sql(
        f"from clv.clv_scores where customer_key = '{key}' order by horizon_days"
    ).to_arrow_table()
    assert found.column_names == built.column_names
    for name in found.column_names:
        own, theirs = (rows[name].to_pylist() for rows in (found, built))
        if isinstance(own[0], float):
            own, theirs = (np.array(each, dtype=float) for each in (own, theirs))
            np.testing.assert_allclose(own, theirs, rtol=1e-5, err_msg=name)
        elif name != "customer_key":
            assert own == theirs, name


def test_a_known_customer_is_forecast_as_in_the_build(sample, forecaster):
    for key in keys(sample):
        history = forecaster.history_of(sample, key)
        assert_as_built(sample, forecaster.score_now(history), key)


def test_a_new_order_counts_as_in_the_next_build(sample, forecaster):
    """The build has seen the last order; here it comes as news."""
    for key in keys(sample, ONE_ORDER):
        whole = forecaster.history_of(sample, key)
        *before, last = sorted(
            whole.customer_days, key=lambda row: row["activity_date"]
        )
        history = replace(whole, customer_days=before).with_order(
            last["activity_date"],
            last["net_amount"],
            items=last["items"],
            new_products=last["new_products"],
        )
        assert_as_built(sample, forecaster.score_now(history), key)
        if before:
            without = forecaster.score_now(replace(whole, customer_days=before))
            found = forecaster.score_now(history)
            assert without["prior_spend"] != found["prior_spend"]


def test_a_second_order_of_a_day_joins_the_first():
    day = timedelta(days=1) + FIRST_DAY
    twice = (
        History()
        .with_order(FIRST_DAY, Decimal("5"), 1, 1)
        .with_order(day, Decimal("2.50"), 2, 1)
        .with_order(day, Decimal("4"), 1, 0)
    )
    assert twice.customer_days[1:] == [
        {
            "activity_date": day,
            "orders": 2,
            "items": 3,
            "purchase_amount": Decimal("6.50"),
            "net_amount": Decimal("6.50"),
            "new_products": 1,
        }
    ]


def test_a_stranger_is_forecast_from_the_first_order(sample, forecaster):
    first = History().with_order(forecaster.as_of_date, Decimal("49.90"), 2, 2)
    dear = History().with_order(forecaster.as_of_date, Decimal("499"), 2, 2)
    cheap, much = (
        forecaster.score_now(each)["predicted_spend"].drop_null().to_pylist()
        for each in (first, dear)
    )
    assert cheap == sorted(cheap) and cheap[0] > 0
    assert all(np.array(much) > cheap)
    # What is not known yet changes nothing.
    later = first.with_order(
        forecaster.as_of_date + timedelta(days=1), Decimal("9"), 1, 1
    )
    assert (
        forecaster.score_now(later, forecaster.as_of_date)["predicted_spend"]
        .drop_null()
        .to_pylist()
        == cheap
    )


def test_who_has_not_bought_cannot_be_forecast(forecaster):
    with pytest.raises(ForecastError, match="only who has bought can be forecast"):
        forecaster.score_now(History())
    given = History().with_order(forecaster.as_of_date, Decimal(0), 1, 1)
    with pytest.raises(ForecastError, match="no purchase of more than nothing"):
        forecaster.score_now(given)


def test_a_forecast_takes_less_than_50_ms(sample, forecaster):
    """Of the processor, which other work may have meanwhile; one thread does it all."""
    history = forecaster.history_of(sample, keys(sample)[0])
    taken = []
    for _ in range(20):
        began = time.thread_time()
        forecaster.score_now(history)
        taken.append(time.thread_time() - began)
    assert min(taken) < 0.05


def test_no_training_library_is_imported():
    code = (
        "import sys, clv_warehouse.clv.now; "
        "assert not {'keras', 'tensorflow', 'sklearn'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
