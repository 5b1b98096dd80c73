"""Tests item-to-item weights against independent mathematics."""

import numpy as np
import pytest
import scipy.sparse as sp

from clv_warehouse.recommendations import neighbours


@pytest.fixture(scope="module")
def interest() -> sp.csr_matrix:
    """80 customers and 12 products; customers of either half like other products."""
    draw = np.random.default_rng(3)
    likes = np.where(np.arange(80)[:, None] % 2 == np.arange(12) % 2, 0.5, 0.1)
    return sp.csr_matrix(draw.random((80, 12)) * (draw.random((80, 12)) < likes))


def test_ease_is_the_ridge_regression_of_each_product_on_all_others(
    interest: sp.csr_matrix,
) -> None:
    weights = neighbours.ease(interest, penalty=2.0).toarray()
    x = interest.toarray()
    for product in range(x.shape[1]):
        others = np.delete(np.arange(x.shape[1]), product)
        gram = x[:, others].T @ x[:, others] + 2 * np.eye(len(others))
        expected = np.linalg.solve(gram, x[:, others].T @ x[:, product])
        assert weights[others, product] == pytest.approx(expected, abs=1e-4)
        assert weights[product, product] == 0


def test_item_to_item_weights_are_cosines_at_a_power_of_one_half() -> None:
    bought = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32)
    weights = neighbours.item_to_item(sp.csr_matrix(bought), exponent=0.5).toarray()
    # Every customer bought two products, which halves each of their pairs.
    expected = (bought.T @ bought) / np.sqrt(np.outer([2, 3, 1], [2, 3, 1])) / 2
    np.fill_diagonal(expected, 0)
    assert weights == pytest.approx(expected, abs=1e-6)


def test_only_the_strongest_sources_of_a_product_are_kept(
    interest: sp.csr_matrix,
) -> None:
    whole = np.abs(neighbours.ease(interest, penalty=2.0).toarray())
    kept = np.abs(neighbours.ease(interest, penalty=2.0, sources=3).toarray())
    for column in range(12):
        strongest = np.sort(whole[:, column])[-3:]
        found = np.sort(kept[kept[:, column] > 0, column])
        assert found == pytest.approx(strongest)


def test_singular_vectors_span_what_the_exact_ones_do(interest: sp.csr_matrix) -> None:
    vectors = neighbours.right_vectors(sp.csr_matrix(interest, dtype=np.float32), 3)
    exact = np.linalg.svd(interest.toarray())[2][:3]
    assert vectors.T @ vectors == pytest.approx(exact.T @ exact, abs=1e-4)
