"""Tests the rates behind the order of products, and the order itself."""

from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import nbinom

from clv_warehouse.recommendations.display import (
    EXPLORED,
    MOST_ALIKE,
    WORLDS,
    arranged,
    display,
    price_levels,
)
from clv_warehouse.recommendations.rates import (
    by_product,
    by_segment,
    looked_at,
    shrunken,
)

DAY = date(2024, 12, 31)


def test_a_rate_is_the_mean_of_its_gamma_posterior() -> None:
    """The strength is the one that makes the counts likeliest, as scipy has it."""
    draw = np.random.default_rng(1)
    chances = draw.integers(20, 400, 500).astype(float)
    rate = draw.gamma(3.0, 0.05 / 3.0, 500)
    responses = draw.poisson(rate * chances).astype(float)
    found = shrunken(responses, chances, np.full(500, 0.05))
    strength = float((found.shape - responses)[0])
    assert strength == pytest.approx(3.0, rel=0.35)
    np.testing.assert_allclose(
        found.mean, (strength + responses) / (strength / 0.05 + chances)
    )

    def likelihood(a: float) -> float:
        return nbinom.logpmf(responses, a, a / (a + 0.05 * chances)).sum()

    assert likelihood(strength) >= max(likelihood(strength * f) for f in (0.7, 1.4))
    # Nearer to the truth than the plain shares are.
    plain = np.sqrt(np.mean((responses / chances - rate) ** 2))
    assert np.sqrt(np.mean((found.mean - rate) ** 2)) < 0.9 * plain
    draws = found.draw(draw, 4000)
    np.testing.assert_allclose(draws.mean(0), found.mean, rtol=0.15)
    deviation = found.mean / np.sqrt(found.shape)
    np.testing.assert_allclose(draws.std(0), deviation, rtol=0.15)


def test_a_good_place_is_told_from_a_good_product() -> None:
    """Better products stand higher, but not always: the places' chances come back."""
    truth = np.array([1.0, 0.6, 0.3, 0.15])
    rate = np.linspace(0.05, 0.4, 30)
    draw = np.random.default_rng(2)
    product, position = (each.ravel() for each in np.mgrid[0:30, 1:5])
    shown = np.where(
        product > 15, [3000, 2000, 1000, 500] * 30, [500, 1000, 2000, 3000] * 30
    )
    clicks = draw.binomial(shown, truth[position - 1] * rate[product]).astype(float)
    found = looked_at(product, position, shown.astype(float), clicks)
    np.testing.assert_allclose(
        [found[place] for place in range(1, 5)], truth, rtol=0.08
    )
    naive = np.bincount(position, clicks)[1:] / np.bincount(position, shown)[1:]
    assert naive[3] / naive[0] < 0.8 * truth[3]


def test_a_segment_follows_the_shop_until_it_differs() -> None:
    draw = np.random.default_rng(3)
    rate = draw.gamma(4.0, 0.02, 60)
    taste = np.vstack([np.ones(60), draw.gamma(2.0, 0.5, 60)])
    chances = np.full((2, 60), 400.0)
    responses = draw.poisson(rate * taste * chances).astype(float)
    products = by_product(responses.sum(0), chances.sum(0), np.arange(60) % 5)
    level = np.arange(60) % 3
    known = by_segment(responses, chances, products, level)
    truth = rate * taste
    assert (
        np.abs(known.mean - truth).mean() < 0.7 * np.abs(products.mean - truth).mean()
    )
    assert (known.shape <= products.shape).all()
    # Nothing is known of a segment that did nothing, so it has the shop's rates.
    silent = by_segment(np.zeros((1, 60)), np.zeros((1, 60)), products, level)
    np.testing.assert_allclose(silent.mean[0], products.mean)


def test_a_segment_that_likes_what_is_dear_does_so_for_products_it_has_not_seen() -> (
    None
):
    rate, level = np.full(60, 0.1), np.arange(60) % 2
    chances = np.full((2, 60), 500.0)
    chances[1, 30:] = 0
    liking = np.array([[1.0, 1.0], [0.5, 2.0]])
    responses = np.round(rate * liking[:, level] * chances)
    products = by_product(responses[0], chances[0], np.zeros(60, np.int64))
    known = by_segment(responses, chances, products, level)
    np.testing.assert_allclose(known.mean[1, 30::2], 0.05, rtol=0.15)
    np.testing.assert_allclose(known.mean[1, 31::2], 0.2, rtol=0.15)


def test_price_levels_are_thirds_of_a_category() -> None:
    amount = np.array([5.0, 9, 1, 2, 3, 4, 7])
    category = np.array([0, 0, 0, 1, 1, 2, 1])
    assert price_levels(amount, category).tolist() == [1, 2, 0, 0, 1, 0, 2]


def test_no_more_than_three_alike_follow_each_other_and_few_places_explore() -> None:
    draw = np.random.default_rng(4)
    value = np.sort(draw.random(60))[::-1]
    kind = (np.arange(60) >= 40).astype(np.int64)
    error = np.full(60, 0.1)

    def worlds(those: np.ndarray) -> np.ndarray:
        found = draw.normal(value[those], error[those], (WORLDS, len(those)))
        return found

    place, propensity = arranged(value, error, kind, worlds, np.random.default_rng(5))
    assert sorted(place) == list(range(60))
    kinds = kind[place]
    runs = np.diff(np.flatnonzero(np.diff(kinds, prepend=-1, append=-1)))
    # The last run may be longer: nothing of another kind is left.
    assert (runs[:-1] <= MOST_ALIKE).all()
    is_explored = np.isin(np.arange(1, 61), EXPLORED)
    assert (propensity[~is_explored] == 1).all()
    assert ((propensity[is_explored] > 0) & (propensity[is_explored] < 1)).all()


def test_the_stored_propensity_is_how_often_chance_draws_the_product() -> None:
    value, error = np.linspace(1, 0.5, 12), np.full(12, 0.2)
    draws = np.random.default_rng(6).normal(value, error, (WORLDS, 12))
    counts = np.zeros(12)
    stored = np.full(12, np.nan)
    for seed in range(2000):
        place, propensity = arranged(
            value,
            error,
            np.arange(12),
            lambda those: draws[:, those],
            np.random.default_rng(seed),
        )
        counts[place[4]] += 1
        stored[place[4]] = propensity[4]
    often = counts > 40
    np.testing.assert_allclose(counts[often] / 2000, stored[often], atol=0.035)
    assert stored[counts > 0].sum() == pytest.approx(1, abs=0.02)


def shown(counts: list[tuple], products: list[tuple]) -> list[dict]:
    """Rows of what `display` makes of these rows."""
    with duckdb.connect() as connection:
        told = connection.sql(
            "select * from (values "
            + ", ".join(map(str, counts))
            + ") as t(response, segment, product_id, position, chances, responses)"
        ).project(
            "response, nullif(segment, '') as segment, product_id, "
            "position::integer as position, chances::double as chances, "
            "responses::double as responses"
        )
        goods = connection.sql(
            "select * from (values "
            + ", ".join(map(str, products))
            + ") as t(product_id, category, usual_amount, margin, is_offered)"
        ).project(
            "product_id, category, usual_amount::double as usual_amount, "
            "margin::double as margin, is_offered"
        )
        dates = connection.sql(
            "select date '2024-12-31' as as_of_date, true as is_scoring_date"
        )
        return pa.table(display(told, goods, dates)).to_pylist()


GOODS = [
    ("cup", "Kitchen", 10.0, 0.5, True),
    ("jug", "Kitchen", 10.0, 0.5, True),
    ("pan", "Kitchen", 40.0, 0.5, True),
    ("rug", "Living", 10.0, 0.5, False),
]


def test_the_order_follows_what_a_look_leaves() -> None:
    """The pan is clicked half as often as the cup and leaves four times as much."""
    counts = [
        ("click", "loyal", "cup", 1, 1000, 200),
        ("click", "", "cup", 2, 1000, 100),
        ("click", "loyal", "jug", 1, 1000, 100),
        ("click", "loyal", "jug", 2, 1000, 50),
        ("click", "loyal", "pan", 1, 1000, 100),
        ("click", "loyal", "pan", 2, 1000, 50),
        ("purchase", "loyal", "cup", 0, 1000, 100),
        ("purchase", "loyal", "jug", 0, 1000, 100),
        ("purchase", "loyal", "pan", 0, 1000, 100),
        ("order", "loyal", "cup", 0, 91, 900),
    ]
    rows = shown(counts, GOODS)
    front = [row for row in rows if row["segment"] == "all" and not row["category"]]
    assert [row["product_id"] for row in front] == ["pan", "cup", "jug"]
    assert {row["basis"] for row in rows} == {"impression"}
    assert {row["segment"] for row in rows} == {"all", "loyal"}
    assert front[1]["click_rate"] == pytest.approx(0.2, rel=0.03)
    assert front[1]["expected_margin"] == pytest.approx(0.2 * 0.1 * 5, rel=0.05)


def test_a_shop_that_offers_nothing_shows_nothing() -> None:
    counts = [("order", "", "cup", 0, 91, 20)]
    assert shown(counts, [("cup", "", 10.0, 0.5, False)]) == []
    (row,) = shown(counts, [("cup", "", 10.0, 0.5, True)])
    assert (row["segment"], row["category"], row["place"]) == ("all", None, 1)


def test_without_events_orders_per_day_order_the_page() -> None:
    counts = [
        ("click", "", "pan", 1, 100, 50),
        ("order", "loyal", "cup", 0, 91, 20),
        ("order", "loyal", "jug", 0, 10, 40),
        ("order", "loyal", "pan", 0, 91, 0),
    ]
    rows = shown(counts, GOODS)
    page = [
        row for row in rows if row["segment"] == "all" and row["category"] == "Kitchen"
    ]
    assert [row["product_id"] for row in page] == ["jug", "cup", "pan"]
    assert {row["basis"] for row in rows} == {"day"}
    assert {row["click_rate"] for row in rows} == {None}


def test_the_same_day_has_the_same_order() -> None:
    draw = np.random.default_rng(8)
    names = [f"p{number:02d}" for number in range(30)]
    goods = [(name, "Kitchen", 10.0, 0.5, True) for name in names]
    counts = [
        ("order", "loyal", name, 0, 91, int(draw.integers(0, 30))) for name in names
    ]
    rows = shown(counts, goods)
    assert rows == shown(counts[::-1], goods)
    explored = [row for row in rows if row["is_explored"]]
    assert {row["place"] for row in explored} == {5, 15, 25}
    assert all(0 < row["propensity"] < 1 for row in explored if row["place"] == 5)
