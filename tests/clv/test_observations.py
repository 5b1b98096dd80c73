"""Tests how a row of customer_features becomes inputs of the network."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.clv.observations import Customers, bits_of, category_codes
from simulated import shop


@pytest.fixture(scope="module")
def features():
    return shop()[0]


@pytest.fixture(scope="module")
def inputs(features):
    customers = Customers.from_arrow(features)
    return dict(zip(customers.features.names, customers.inputs.T, strict=True))


def test_what_is_unknown_is_zero_and_said_to_be_missing(features, inputs):
    for name in ("days_since_seen", "rating_mean"):
        unknown = features[name].is_null().to_numpy()
        assert 0 < unknown.sum() < len(unknown)
        assert (inputs[f"{name}_is_missing"] == unknown).all()
        assert not inputs[name][unknown].any()
        known = features[name].to_numpy()[~unknown]
        assert inputs[name][~unknown] == pytest.approx(np.log(1 + known), rel=1e-6)


def test_a_channel_is_the_last_bits_of_its_digest():
    (code, missing) = category_codes(pa.array(["search", None]))
    assert code == int(hashlib.md5(b"search").hexdigest()[-3:], 16)
    assert np.isnan(missing)
    bits = bits_of(np.array([code, missing]))
    assert int("".join("1" if bit > 0 else "0" for bit in bits[0][::-1]), 2) == code
    assert set(bits[0]) == {-1, 1} and not bits[1].any()


def test_channels_keep_their_inputs_whatever_other_customers_there_are(features):
    rows = features.sort_by([("recency_days", "ascending")]).slice(100, 50)
    of_all = Customers.from_arrow(features.take(pa.array(np.arange(len(features)))))
    alone = Customers.from_arrow(rows)
    by_name = dict(
        zip(
            features["acquisition_channel"].to_pylist(),
            of_all.numbers["acquisition_channel"],
            strict=True,
        )
    )
    expected = [by_name[name] for name in rows["acquisition_channel"].to_pylist()]
    assert alone.numbers["acquisition_channel"] == pytest.approx(expected, nan_ok=True)


def test_the_last_purchase_is_the_last_of_the_sequence(features):
    (row,) = features.slice(0, 1).to_pylist()
    row |= {
        "purchase_days_before": [30, 5, 0],
        "purchase_amounts": [10.0, 20.0, 40.0],
    }
    one = Customers.from_arrow(pa.Table.from_pylist([row], schema=features.schema))
    (sequence,) = one.sequences
    expected = np.log1p([[30, 10], [5, 20], [0, 40]])
    assert sequence[-3:] == pytest.approx(expected)
    assert not sequence[:-3].any()


def test_the_sample_shops_channels_can_be_told_apart():
    names = ["search", "social", "newsletter", "referral", "marketplace"]
    bits = bits_of(category_codes(pa.array(names)))
    design = np.column_stack([np.ones(len(names)), bits])
    assert np.linalg.matrix_rank(design) == len(names)
