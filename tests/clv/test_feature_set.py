"""Which features a network reads, and what its inputs are."""

import csv
from dataclasses import asdict, replace
from math import log, log1p

import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.clv.feature_set import (
    RATIOS,
    FeatureSet,
    OtherInputsError,
    current_features,
)
from clv_warehouse.clv.network import Network, NetworkConfig
from clv_warehouse.clv.observations import Customers
from clv_warehouse.clv.reasons import BASELINE, catalogue, contributing
from clv_warehouse.learning.encoders import ENCODER_SHAPES
from networks import network_of

# A customer of two years with ten purchases of 50, the last one 29 days ago.
NUMBERS = {
    "frequency": 10,
    "recency_days": 29,
    "tenure_days": 729,
    "cycle_days": 60,
    "cycle_sd_days": 30,
    "amount_mean": 50,
    "amount_sd": 25,
    "amount_last": 100,
    "amount_max": 150,
    "items": 40,
    "distinct_products": 20,
    "past_spend": 500,
    "returned_amount": 125,
    "spend_30d": 55,
    "spend_90d": 85,
    "spend_180d": 175,
    "spend_365d": 360,
}
EXPECTED = {
    "recency_to_cycle": log1p(30 / 60),
    "recency_to_tenure": 30 / 730,
    "last_to_mean_amount": log(2),
    "max_to_mean_amount": log(3),
    "returned_share": 0.25,
    # 60 in 30 days are twice as much a day as 365 in a year, 5 of both being unseen.
    "spend_trend_30d": log(2),
    "spend_trend_90d": log(1),
    "spend_trend_180d": log(1),
    "spend_rate_365d": log(1),
    "spend_rate": log(505 / 730),
    "cycle_variation": log1p(0.5),
    "amount_variation": log1p(0.5),
    "items_per_purchase": log1p(4),
    "products_per_purchase": log1p(2),
}


@pytest.mark.parametrize("name", RATIOS)
def test_a_ratio_is_as_computed_by_hand(name):
    numbers = {key: np.array([value], float) for key, value in NUMBERS.items()}
    assert RATIOS[name].formula(numbers) == pytest.approx([EXPECTED[name]])


def test_a_ratio_has_a_value_where_little_is_known():
    once = NUMBERS | {
        **{"frequency": 1, "cycle_days": np.nan, "cycle_sd_days": np.nan},
        **{"amount_sd": np.nan, "spend_30d": -20, "recency_days": 0, "tenure_days": 0},
    }
    numbers = {key: np.array([value], float) for key, value in once.items()}
    values = {name: ratio.formula(numbers)[0] for name, ratio in RATIOS.items()}
    assert np.isfinite(list(values.values())).all()
    assert values["recency_to_cycle"] == values["cycle_variation"] == 0
    # Returns of more than was bought are as nothing bought: the unseen 5 alone.
    assert values["spend_trend_30d"] == pytest.approx(log(5 / 30) - log(365 / 1))


@pytest.mark.parametrize("encoder", ENCODER_SHAPES)
def test_all_that_contributes_has_a_reason_and_a_label_of_its_own(root, encoder):
    reads = NetworkConfig(encoder).features
    names = contributing(reads)
    assert set(current_features().sequences).issubset(names) == (encoder != "dense")
    said = [catalogue()[name] for name in dict.fromkeys(names)]
    labels = [label for _, label in said]
    assert all(labels) and len(set(labels)) == len(labels)
    with (root / "seeds/reference/clv_reasons.csv").open(encoding="utf-8") as file:
        worded = {row["reason"] for row in csv.DictReader(file)}
    assert {reason for reason, _ in said} == worded - {BASELINE}


def test_a_network_goes_on_reading_the_features_that_it_was_trained_on(features):
    now = current_features()
    earlier = replace(
        now,
        numbers=tuple(name for name in now.numbers if name != "orders"),
        sequences=(),
    )
    customers = Customers.from_arrow(features.drop_columns(["orders"]), earlier)
    assert customers.inputs.shape[1] == len(now.names) - 1
    known = [name for name in now.names if name != "orders"]
    assert list(earlier.names) == known
    expected = Customers.from_arrow(features).inputs
    places = [now.names.index(name) for name in known]
    assert (customers.inputs == expected[:, places]).all()


def test_a_network_is_stored_with_what_it_reads(customers):
    network = network_of(customers)
    reads = replace(network.features, flagged=network.features.flagged[::-1])
    again = Network.from_bytes(replace(network, features=reads).to_bytes())
    assert again.features == reads


def test_a_feature_that_is_gone_is_named(customers):
    lists = asdict(current_features())
    lists["numbers"] = [*lists["numbers"], "shoe_size"]
    with pytest.raises(OtherInputsError, match=r"reads shoe_size, which"):
        FeatureSet.from_json(lists)


def test_a_missing_column_is_named(features):
    with pytest.raises(KeyError, match="rating_last"):
        Customers.from_arrow(features.drop_columns(["rating_last"]))
    assert isinstance(features, pa.Table)
