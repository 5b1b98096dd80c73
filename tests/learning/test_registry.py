"""Tests the table of trained networks: new rows, and which one scores."""

from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256

import duckdb
import pyarrow as pa
import pytest

from clv_warehouse.learning.acceptance import ACCEPTED, Decision
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.registry import (
    SCHEMA,
    accepted_networks,
    new_row,
)
from networks import judged

PLAN = Plan(
    "m", True, "test", date(2024, 1, 31), "f", "s", "c", '{"network": {"a": 1}}'
)


def network(version, number=1, as_of=31, is_accepted=True):
    return judged(
        model_name="m",
        network_version=version,
        training_number=number,
        as_of_date=date(2024, 1, as_of),
        weights=version.encode(),
        prior="{}",
        is_accepted=is_accepted,
    )


def scoring(as_of, *networks):
    """The version that scores customers as of a day of January."""
    with duckdb.connect() as connection:
        connection.register(
            "networks", pa.Table.from_pylist([*networks], schema=SCHEMA)
        )
        found = accepted_networks(connection.table("networks"), date(2024, 1, as_of))
        return next((each.version for each in found if each.is_intact), None)


def test_the_accepted_network_that_knows_most_scores():
    older, newer = network("older", as_of=20), network("newer", as_of=30)
    assert scoring(31, older, newer) == "newer"
    assert scoring(31, newer, older) == "newer"
    assert scoring(31, older, {**newer, "is_accepted": False}) == "older"
    # Of one day the last training counts, whatever its version and the clock.
    first = {**network("first", 9), "trained_at": datetime(2024, 3, 1)}
    second = {**network("a second", 10), "trained_at": datetime(2024, 2, 1)}
    assert scoring(31, first, second) == "a second"
    # One from before trainings had a number is the oldest.
    assert scoring(31, {**second, "training_number": None}, first) == "first"


@pytest.mark.parametrize("column", ["weights", "config", "prior"])
def test_a_network_that_is_not_the_one_that_was_judged_does_not_score(column):
    older, newer = network("older", as_of=20), network("newer", as_of=30)
    other = {**newer, column: b"other" if column == "weights" else '{"other": 1}'}
    assert scoring(31, older, other) == "older"
    assert scoring(31, other) is None


def test_the_version_of_an_old_row_says_whether_its_weights_are_those():
    weights = b"of an older version of the project"
    version = f"2024-01-31-{sha256(weights).hexdigest()[:8]}"
    old = {**network(version), "weights": weights, "digest": None}
    assert scoring(31, {**old, "training_number": None}) == version
    assert scoring(31, {**old, "weights": b"other"}) is None


def test_a_network_does_not_score_days_that_it_knows_the_future_of():
    older, newer = network("older", as_of=20), network("newer", as_of=30)
    assert scoring(30, older, newer) == "newer"
    assert scoring(29, older, newer) == "older"
    assert scoring(19, older, newer) is None


def row(plan=PLAN, weights=b"w", prior="{}"):
    table = new_row(plan, Decision(ACCEPTED, "good"), weights, config="{}", prior=prior)
    (found,) = table.to_pylist()
    return found


def test_a_row_says_what_the_network_was_trained_with():
    found = row()
    assert found["network_version"] == f"2024-01-31-{found['digest'][:8]}"
    assert found["model_name"] == "m"
    fingerprints = ("features", "config", "code")
    assert [found[f"{name}_fingerprint"] for name in fingerprints] == ["f", "s", "c"]
    assert (found["is_accepted"], found["decision"]) == (True, "good")
    assert found["verdict"] == "accepted"
    assert row(prior='{"r": 1}')["digest"] != found["digest"] == row()["digest"]


def test_trainings_of_a_day_are_numbered():
    first = row()
    assert first["training_number"] == 1
    known = replace(PLAN, newest_version=first["network_version"], newest_number=1)
    assert row(known)["training_number"] == 1
    assert row(known, weights=b"other")["training_number"] == 2


def test_a_plan_is_that_of_the_model():
    rows = [
        {**vars(PLAN), "model_name": "n", "is_due": False},
        vars(PLAN),
    ]
    with duckdb.connect() as connection:
        connection.register("plan", pa.Table.from_pylist(rows))
        found = [Plan.of(connection.table("plan"), name) for name in ("m", "n", "o")]
    assert found[0] == PLAN
    assert [plan.is_due for plan in found] == [True, False, False]
    assert found[0].setting("network") == {"a": 1}
    with pytest.raises(KeyError):
        found[0].setting("margin")
