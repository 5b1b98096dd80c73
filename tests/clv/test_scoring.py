"""Tests scoring: streams, which network scores, and what must never happen."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.clv import scoring
from clv_warehouse.clv.network import OUTPUTS, Level, Network, NetworkConfig
from clv_warehouse.clv.observations import Customers, Observations
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.training import train
from clv_warehouse.learning import registry
from clv_warehouse.learning.progress import Progress
from networks import judged
from simulated import NO_DAYS, shop

HORIZONS = [365, 30, 91]


@pytest.fixture(scope="module")
def features():
    return shop()[0]


@pytest.fixture(scope="module")
def networks():
    """A table of clv_network with one accepted row and a later one that is not."""
    observations = Observations.from_arrow(*shop())
    prior = Prior.fit(observations.history)
    config = NetworkConfig(hidden_units=(16, 8), epochs=3)
    customers = observations.customers
    today = customers.take(customers.as_of_date == customers.as_of_date.max())
    network = train(observations, prior, today, config, Progress("test"))
    row = judged(prior=prior.to_json(), weights=network.to_bytes())
    later = {
        **row,
        "network_version": "bad",
        "training_number": 2,
        "is_accepted": False,
    }
    return pa.Table.from_pylist([row, later], schema=registry.SCHEMA)


def scores(networks, features, horizons=HORIZONS, lifetime_years=1):
    with duckdb.connect() as connection:
        connection.register("networks", networks)
        connection.register("features", features)
        connection.register("days", NO_DAYS)
        tables = [connection.table(name) for name in ("networks", "features", "days")]
        found = scoring.score(*tables, horizons, lifetime_years)
        return pa.table(found)


def test_every_customer_of_the_last_date_is_scored_once_per_horizon(networks, features):
    last = max(features["as_of_date"].to_pylist())
    customers = [
        row["customer_key"] for row in features.to_pylist() if row["as_of_date"] == last
    ]
    found = scores(networks, features)
    pairs = zip(
        found["customer_key"].to_pylist(),
        found["horizon_days"].to_pylist(),
        strict=True,
    )
    assert sorted(pairs) == sorted((key, h) for key in customers for h in HORIZONS)
    assert set(found["network_version"].to_pylist()) == {"good"}


@pytest.mark.parametrize("is_network", [True, False])
def test_forecasts_never_fall_with_the_horizon(networks, features, is_network):
    found = scores(networks if is_network else networks.slice(1), features)
    by_horizon = found.sort_by(
        [("customer_key", "ascending"), ("horizon_days", "ascending")]
    )
    for name in (
        "predicted_spend",
        "chance_of_buying",
        "expected_orders",
        "spend_p10",
        "spend_p90",
    ):
        values = by_horizon[name].to_numpy().reshape(-1, len(HORIZONS))
        assert (np.diff(values, axis=1) >= 0).all()
    assert found["spend_p50"].null_count == 0


def test_forecasts_stay_where_a_network_says_less_of_a_longer_horizon(
    networks, features
):
    """All that is forecast of a year is less than of a month, but for the rule."""
    row = networks.to_pylist()[0]
    network = Network.from_bytes(row["weights"])
    falling = Level(
        np.array([30, 365]),
        np.array([[0, 0, 0, 0], [-9, -9, -9, -9]], dtype=np.float32),
        np.zeros((12, OUTPUTS), dtype=np.float32),
    )
    row = judged(**row | {"weights": replace(network, level=falling).to_bytes()})
    found = scores(
        pa.Table.from_pylist([row], schema=registry.SCHEMA), features, [365, 30]
    )
    by_horizon = found.sort_by(
        [("customer_key", "ascending"), ("horizon_days", "ascending")]
    )
    for name in ("predicted_spend", "chance_of_buying", "spend_p50", "spend_p90"):
        values = by_horizon[name].to_numpy().reshape(-1, 2)
        assert (values[:, 1] == values[:, 0]).all()
        assert values.any()


def test_the_prior_scores_where_the_network_was_trained_on_other_inputs(
    networks, features, capsys
):
    row = networks.to_pylist()[0]
    with np.load(io.BytesIO(row["weights"])) as arrays:
        stored = dict(arrays)
    about = json.loads(str(stored["about"]))
    about["features"]["numbers"][0] = "shoe_size"
    file = io.BytesIO()
    np.savez(file, **stored | {"about": np.array(json.dumps(about))})
    row = judged(**row | {"weights": file.getvalue()})
    found = scores(pa.Table.from_pylist([row], schema=registry.SCHEMA), features)
    assert set(found["scored_by"].to_pylist()) == {"prior"}
    assert "shoe_size" in capsys.readouterr().out


def test_without_an_accepted_network_the_prior_scores(networks, features):
    found = scores(networks.slice(1), features, [365])
    assert set(found["scored_by"].to_pylist()) == {"prior"}
    last = max(features["as_of_date"].to_pylist())
    rows = pa.Table.from_pylist(
        [row for row in features.to_pylist() if row["as_of_date"] == last],
        schema=features.schema,
    )
    history = Customers.from_arrow(rows).history
    expected = dict(
        zip(
            rows["customer_key"].to_pylist(),
            Prior.fit(history).expected_spend(history, 365),
            strict=True,
        )
    )
    for row in found.to_pylist():
        assert row["predicted_spend"] == pytest.approx(
            expected[row["customer_key"]], rel=1e-3, abs=1e-6
        )


def test_a_past_window_ends_today_and_says_who_bought_in_it(features):
    today = max(features["as_of_date"].to_pylist())
    with duckdb.connect() as connection:
        connection.register("features", features)
        window = scoring.past_window(connection.table("features"), today)
        begin = today - timedelta(days=window.horizon_days)
        expected = connection.execute(
            "select past.frequency, now.recency_days < $days from features as past "
            "inner join features as now using (customer_key) "
            "where past.as_of_date = $begin and now.as_of_date = $today "
            "order by md5(customer_key), customer_key",
            {"days": window.horizon_days, "begin": begin, "today": today},
        ).fetchall()
        first = min(features["as_of_date"].to_pylist())
        assert scoring.past_window(connection.table("features"), first) is None
    frequency, bought = zip(*expected, strict=True)
    assert abs(window.horizon_days - 91) <= 31
    assert (window.history.frequency == np.array(frequency) - 1).all()
    assert (window.bought == bought).all()
    assert 0 < window.bought.mean() < 1


def test_a_network_that_knows_the_future_does_not_score(networks, features):
    future = networks.set_column(
        networks.schema.get_field_index("as_of_date"),
        "as_of_date",
        pa.array([date(2030, 1, 1)] * 2),
    )
    assert set(scores(future, features)["scored_by"].to_pylist()) == {"prior"}


def test_no_customers_give_no_scores(networks, features):
    found = scores(networks, features.slice(0, 0))
    assert found.schema == scoring.SCHEMA
    assert len(found) == 0


def test_one_customer_is_scored(features):
    found = scores(registry.SCHEMA.empty_table(), features.slice(0, 1))
    assert len(found) == len(HORIZONS)
    assert np.isfinite(found["predicted_spend"].to_numpy()).all()


@pytest.mark.parametrize(
    ("horizons", "lifetime_years", "later"),
    [
        ([365, 30], 3, [730, 1095]),
        ([30], 2, [365, 730]),
        ([730], 2, []),
        ([30, 400], 2, [730]),
    ],
)
def test_later_years_have_only_what_the_prior_expects(
    networks, features, horizons, lifetime_years, later
):
    found = scores(networks, features, horizons, lifetime_years).to_pandas()
    beyond = found[found["is_extrapolated"]]
    assert sorted(beyond["horizon_days"].unique()) == later
    assert sorted(found[~found["is_extrapolated"]]["horizon_days"].unique()) == sorted(
        horizons
    )
    assert found[found["is_longest_horizon"]]["horizon_days"].eq(max(horizons)).all()
    forecasts = ["predicted_spend", "chance_of_buying", "expected_orders", "spend_p90"]
    assert beyond[forecasts].isna().all(axis=None)
    expected = found.pivot_table("prior_spend", "customer_key", "horizon_days")
    assert (np.diff(expected, axis=1) > 0).all()


def test_batches_do_not_change_the_scores(networks, features, monkeypatch):
    whole = scores(networks, features).sort_by(
        [("horizon_days", "ascending"), ("customer_key", "ascending")]
    )
    monkeypatch.setattr(scoring, "BATCH_ROWS", 7)
    parts = scores(networks, features).sort_by(
        [("horizon_days", "ascending"), ("customer_key", "ascending")]
    )
    assert parts["predicted_spend"].to_numpy() == pytest.approx(
        whole["predicted_spend"].to_numpy(), rel=1e-5
    )


def test_the_order_of_rows_does_not_change_the_scores(networks, features):
    backwards = features.take(np.arange(len(features))[::-1])
    assert scores(networks, features).equals(scores(networks, backwards))


def test_scoring_imports_no_tensorflow():
    code = "import sys, clv_warehouse.clv.scoring; print('tensorflow' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
