"""Tests the tables of explanations: which customers have one, and that rows add up."""

import subprocess
import sys
from collections import defaultdict

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.clv import explanation, scoring
from clv_warehouse.clv.feature_set import current_features
from clv_warehouse.clv.network import NetworkConfig
from clv_warehouse.clv.observations import Customers
from clv_warehouse.learning import registry
from clv_warehouse.learning.encoders import ENCODER_SHAPES
from networks import judged, network_of
from simulated import NO_DAYS

HORIZON = 182


@pytest.fixture(scope="module", params=ENCODER_SHAPES)
def network(request, features):
    return network_of(Customers.from_arrow(features), request.param)


@pytest.fixture(scope="module")
def networks(network, prior):
    """A table of clv_network with one accepted row."""
    row = judged(prior=prior.to_json(), weights=network.to_bytes())
    return pa.Table.from_pylist([row], schema=registry.SCHEMA)


def tables(networks, features, scored_by=None, horizons=(30, HORIZON), most=10**6):
    """What explain and weigh give after scoring by some networks, and the scores."""
    with duckdb.connect() as connection:
        scorers = networks if scored_by is None else scored_by
        given = {"scorers": scorers, "features": features, "days": NO_DAYS}
        for name, rows in given.items():
            connection.register(name, rows)
        scored = scoring.score(*(connection.table(name) for name in given), horizons, 3)
        scores = pa.table(scored)
        connection.register("networks", networks)
        connection.register("scores", scores)
        names = ("networks", "features", "days", "scores")
        given = [connection.table(name) for name in names]
        explained = pa.table(explanation.explain(*given, most))
        return explained, explanation.weigh(*given), scores


@pytest.mark.parametrize("is_network", [True, False])
def test_reasons_and_baseline_add_up_to_the_longest_prediction(
    network, networks, features, is_network
):
    reads = network.features if is_network else NetworkConfig().features
    explained, weighed, scores = tables(
        networks.slice(not is_network), features.select(reads.columns)
    )
    predicted = {
        row["customer_key"]: row["predicted_spend"]
        for row in scores.to_pylist()
        if row["horizon_days"] == HORIZON
    }
    totals, by_reason = defaultdict(float), defaultdict(list)
    for row in explained.to_pylist():
        totals[row["customer_key"]] += row["contribution"]
        by_reason[row["reason"]].append(row["contribution"])
        assert row["network_version"] == ("good" if is_network else None)
    assert totals == pytest.approx(predicted, abs=1e-6)
    assert len(predicted) == weighed["customers"][0].as_py()
    assert len(set(by_reason.pop("baseline"))) == 1
    names = weighed["feature"].to_pylist()
    assert set(names) & set(current_features().sequences) == set(reads.sequences)
    means = defaultdict(float)
    for row in weighed.to_pylist():
        means[row["reason"]] += row["mean_contribution"]
    assert means == pytest.approx(
        {reason: np.mean(values) for reason, values in by_reason.items()}, abs=1e-6
    )


def test_the_most_valuable_customers_are_explained(networks, features):
    explained, _, scores = tables(networks, features, most=7)
    longest = [row for row in scores.to_pylist() if row["horizon_days"] == HORIZON]
    best = sorted(longest, key=lambda row: -row["predicted_spend"])[:7]
    assert explained["customer_key"].unique().to_pylist() == [
        row["customer_key"] for row in best
    ]


def test_batches_do_not_change_the_contributions(networks, features, monkeypatch):
    whole = tables(networks, features)
    monkeypatch.setattr(explanation, "BATCH_ROWS", 7)
    parts = tables(networks, features)
    for one, other, name in (
        (whole[0], parts[0], "contribution"),
        (whole[1], parts[1], "mean_absolute_contribution"),
    ):
        assert other[name].to_numpy() == pytest.approx(
            one[name].to_numpy(), rel=1e-3, abs=1e-3
        )


def test_scores_of_another_network_are_not_explained(networks, features):
    with pytest.raises(ValueError, match="by network None"):
        tables(networks, features, scored_by=networks.slice(1))


def test_no_customers_give_no_explanations(networks, features):
    explained, weighed, _ = tables(networks, features.slice(0, 0))
    assert explained.schema == explanation.CONTRIBUTIONS
    assert weighed.schema == explanation.IMPORTANCE
    assert len(explained) == len(weighed) == 0


def test_a_single_customer_is_explained(features):
    explained, _, scores = tables(registry.SCHEMA.empty_table(), features.slice(0, 1))
    assert explained["reason"][0].as_py() == "baseline"
    assert explained["contribution"][0].as_py() == pytest.approx(
        np.nanmax(scores["predicted_spend"].to_numpy()), rel=1e-3
    )


def test_explaining_imports_no_tensorflow():
    code = (
        "import sys, clv_warehouse.clv.explanation; print('tensorflow' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
