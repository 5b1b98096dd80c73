"""Tests the table of trained networks: new rows, and which one scores."""

from datetime import date, datetime

import duckdb
import pyarrow as pa
import pytest

from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.registry import (
    SCHEMA,
    last_accepted,
    new_row,
)

PLAN = Plan(
    "m", True, "test", date(2024, 1, 31), "f", "s", "c", '{"network": {"a": 1}}'
)


def network(version, trained_on=1, as_of=31, is_accepted=True):
    return {
        "model_name": "m",
        "network_version": version,
        "trained_at": datetime(2024, 2, trained_on),
        "as_of_date": date(2024, 1, as_of),
        "weights": version.encode(),
        "prior": "{}",
        "is_accepted": is_accepted,
    }


def scoring(as_of, *networks):
    """The version that scores customers as of a day of January."""
    with duckdb.connect() as connection:
        connection.register(
            "networks", pa.Table.from_pylist([*networks], schema=SCHEMA)
        )
        found = last_accepted(connection.table("networks"), date(2024, 1, as_of))
        return found and found.version


def test_the_accepted_network_that_knows_most_scores():
    older, newer = network("older", 1, 20), network("newer", 2, 30)
    assert scoring(31, older, newer) == "newer"
    assert scoring(31, newer, older) == "newer"
    assert scoring(31, older, {**newer, "is_accepted": False}) == "older"
    # Trained later, for an earlier day.
    assert scoring(31, newer, {**older, "trained_at": datetime(2024, 3, 1)}) == "newer"
    assert scoring(31, network("first", 1), network("second", 2)) == "second"


def test_a_network_does_not_score_days_that_it_knows_the_future_of():
    older, newer = network("older", 1, 20), network("newer", 2, 30)
    assert scoring(30, older, newer) == "newer"
    assert scoring(29, older, newer) == "older"
    assert scoring(19, older, newer) is None


def row(digest="d", prior="{}"):
    return new_row(PLAN, (True, "good"), b"w", digest, prior=prior)


def test_a_row_says_what_the_network_was_trained_with():
    (found,) = row().to_pylist()
    assert found["network_version"] == "2024-01-31-d"
    assert found["model_name"] == "m"
    fingerprints = ("features", "config", "code")
    assert [found[f"{name}_fingerprint"] for name in fingerprints] == ["f", "s", "c"]
    assert (found["is_accepted"], found["decision"]) == (True, "good")


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
