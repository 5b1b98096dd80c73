"""Tests how tastes become chances."""

import numpy as np
import pyarrow as pa

from clv_warehouse.learning.popularity import NOBODY
from clv_warehouse.recommendations.tastes import Tastes


def tastes() -> Tastes:
    """Two customers of opposite taste; the third product has no vector."""
    return Tastes(
        np.array([[1, 0], [-1, 0]], np.float32),
        np.array([[1, 0], [-1, 0], [0, 0]], np.float32),
        np.array([True, True, False]),
    )


def test_chances_follow_taste_and_popularity_and_add_up() -> None:
    popularity = np.array([4, 2, 2], np.float32)
    found = np.exp(tastes().log_chances(tastes().customers, popularity))
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    likely = (popularity + NOBODY) * np.exp([[1, -1], [-1, 1]] @ np.eye(2, 3))
    np.testing.assert_allclose(
        found[:, 0] / found[:, 1], likely[:, 0] / likely[:, 1], rtol=1e-5
    )


def test_a_product_without_a_vector_is_as_likely_as_it_is_popular() -> None:
    popularity = np.array([4, 2, 2], np.float32)
    found = np.exp(tastes().log_chances(tastes().customers, popularity))
    share = (popularity + NOBODY) / (popularity + NOBODY).sum()
    np.testing.assert_allclose(found[:, 2], share[2], rtol=1e-5)


def test_what_all_like_is_left_out() -> None:
    from clv_warehouse.recommendations.tastes import _by_customer

    class Purchases:
        customer_keys = pa.array(["a", "b", "c"])
        shape = (3, 1)

    rows = pa.table(
        {
            "customer_key": ["a", "b"],
            "taste": pa.array([[3.0, 1.0], [1.0, 1.0]], pa.list_(pa.float32())),
            "chance_28d": [0.5, 0.5],
        }
    )
    found = _by_customer(rows, Purchases(), 2)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, [[1, 0], [-1, 0], [0, 0]])
