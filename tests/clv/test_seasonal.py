"""Tests that the season which is told is the one that the forecasts have."""

import duckdb
import pyarrow as pa
import pytest

from clv_warehouse.clv.seasonal import SCHEMA, season
from clv_warehouse.learning import registry
from networks import judged, network_of
from simulated import NO_DAYS


def told(networks, features):
    given = {"networks": networks, "features": features, "days": NO_DAYS}
    with duckdb.connect() as connection:
        for name, rows in given.items():
            connection.register(name, rows)
        return season(*(connection.table(name) for name in given))


def test_the_season_is_that_of_the_network_that_scores(prior, customers, features):
    network = network_of(customers)
    row = judged(prior=prior.to_json(), weights=network.to_bytes())
    networks = pa.Table.from_pylist([row], schema=registry.SCHEMA)
    found = told(networks, features)
    assert found["month"].to_pylist() == list(range(1, 13))
    assert found["purchases_effect"].to_numpy() == pytest.approx(prior.clock.by_month)
    assert found["spend_effect"].to_numpy() == pytest.approx(
        prior.clock.by_month * prior.amount_by_month
    )


def test_a_shop_of_which_nothing_is_known_has_no_season(features):
    none = registry.SCHEMA.empty_table()
    assert set(told(none, features)["spend_effect"].to_pylist()) == {1.0}
    assert told(none, features.slice(0, 0)) == SCHEMA.empty_table()
