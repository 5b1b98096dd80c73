"""Tests that product vectors count where they help, and only there."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from clv_warehouse.project.days import days_since_1970
from clv_warehouse.recommendations.backtest import BY_WORDS, UNSOLD, judge
from clv_warehouse.recommendations.likeness import Likeness
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.rankers import LEARNED
from clv_warehouse.recommendations.training import likeness_at
from clv_warehouse.recommendations.vectors import read_vectors
from tastes import NO_TASTES

END, WINDOW = date(2025, 6, 30), 28
CUSTOMERS, PRODUCTS, NEW, STYLES = 400, 240, 40, 8
IDS = pa.array([f"p{each:03d}" for each in range(PRODUCTS)])


def numbers(kind: str) -> np.ndarray:
    """Vectors that hold each product's style, with noise, or noise alone."""
    draw = np.random.default_rng(5)
    found = draw.normal(size=(PRODUCTS, 12)) / 3
    if kind == "image":
        found[np.arange(PRODUCTS), np.arange(PRODUCTS) % STYLES] += 1
    return found


def vectors(*kinds: str) -> pa.Table:
    return pa.table(
        {
            "product_id": pa.array(IDS.to_pylist() * len(kinds)),
            "source": np.repeat(kinds, PRODUCTS).tolist(),
            "vector": [row.tolist() for kind in kinds for row in numbers(kind)],
        }
    )


@pytest.fixture(scope="module")
def shop() -> tuple[pa.Table, pa.Table]:
    """Customers of one style each; names say nothing; the last products are new."""
    draw = np.random.default_rng(3)
    rows = set()
    for customer in range(CUSTOMERS):
        for back in range(int(draw.integers(0, 15)), 200, 15):
            on_sale = PRODUCTS if back < WINDOW else PRODUCTS - NEW
            liked = np.arange(customer % STYLES, on_sale, STYLES)
            if back < WINDOW:
                liked = liked[liked >= PRODUCTS - 2 * NEW]
            chosen = draw.choice(liked if draw.random() < 0.9 else on_sale, 2)
            day = END - timedelta(back)
            rows |= {(f"c{customer:03d}", f"p{each:03d}", day) for each in chosen}
    keys, products, days = zip(*sorted(rows), strict=True)
    purchases = pa.table(
        {
            "customer_key": keys,
            "product_id": products,
            "purchase_date": days,
            "returned_date": pa.nulls(len(rows), pa.date32()),
        }
    )
    told = pa.table(
        {
            "product_id": IDS,
            "product_name": ["thing"] * PRODUCTS,
            "category": pa.nulls(PRODUCTS, pa.string()),
        }
    )
    return purchases, told


def test_vectors_that_hold_a_style_count_and_noise_does_not(
    shop: tuple[pa.Table, pa.Table],
) -> None:
    purchases = Purchases.from_arrow(*shop)
    likeness, judged = likeness_at(
        purchases, days_since_1970(END), WINDOW, shop[1], vectors("noise", "image")
    )
    image, noise = judged
    assert (image.source, noise.source) == ("image", "noise")
    assert image.weight > 0 and image.recall > 1.5 * image.without
    assert noise.weight == 0
    assert likeness.weights == {"image": image.weight, "noise": 0}
    assert "noise refused" in noise.text


def test_new_products_come_to_those_who_like_their_style(
    shop: tuple[pa.Table, pa.Table],
) -> None:
    rows = judge(
        END, WINDOW, 5, *shop, vectors("noise", "image"), NO_TASTES, NO_TASTES
    ).to_pandas()
    unsold = rows[rows["list"] == UNSOLD]
    style = unsold["product_id"].str[1:].astype(int) % STYLES
    is_liked = style == unsold["customer_key"].str[1:].astype(int) % STYLES
    liked = is_liked.groupby(unsold["model"]).mean()
    assert liked[LEARNED] > 0.8
    # All names are alike, so chance decides: one style of eight.
    assert liked[BY_WORDS] < 0.3
    refused = judge(END, WINDOW, 5, *shop, vectors("noise"), NO_TASTES, NO_TASTES)
    assert BY_WORDS not in refused["model"].to_pylist()
    without = judge(
        END, WINDOW, 5, *shop, vectors("noise").slice(0, 0), NO_TASTES, NO_TASTES
    )
    assert refused.equals(without)


def test_vectors_are_read_whatever_the_order_of_rows() -> None:
    rows = vectors("image", "noise")
    read = read_vectors(rows, IDS)
    shuffled = rows.take(np.random.default_rng(1).permutation(rows.num_rows))
    again = read_vectors(shuffled, IDS)
    assert list(read) == list(again) == ["image", "noise"]
    for source, found in read.items():
        assert (found == again[source]).all()
        assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    few = read_vectors(rows.slice(10, 5), IDS)["image"]
    assert np.flatnonzero(few.any(1)).tolist() == [10, 11, 12, 13, 14]


def test_a_vector_lends_what_words_cannot() -> None:
    likeness = Likeness.of(["a", "b", "c"], [None] * 3, {"image": np.eye(3)[[0, 1, 0]]})
    borrowers, lenders = np.array([2]), np.array([0, 1])
    assert likeness.shares(borrowers, lenders).nnz == 0
    weighed = likeness.weighing({"image": 1.5})
    assert weighed.shares(borrowers, lenders).toarray()[2].tolist() == [1, 0, 0]
    # Who bought both others likes it half as much as who bought the one like it.
    interest = sp.csr_matrix([[1.0, 0, 0], [0, 1, 0], [0.5, 0.5, 0]])
    tastes = weighed.liking(interest, borrowers)[:, 0]
    assert np.log(tastes) == pytest.approx([1.5, 0, 0.75], abs=1e-4)
    assert not likeness.uses_vectors
    # What is not there counts nothing, whatever its weight.
    absent = likeness.weighing({"text": 1.0})
    assert absent.shares(borrowers, lenders).nnz == 0
