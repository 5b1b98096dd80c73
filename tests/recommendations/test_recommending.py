"""Tests lists as a whole: what is learned, what is kept apart, what must never be."""

from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.learning.trees import Trees
from clv_warehouse.recommendations import rankers
from clv_warehouse.recommendations.known import Known
from clv_warehouse.recommendations.likeness import Likeness
from clv_warehouse.recommendations.lists import AGAIN, BOTH, NEW, best_of, lists_of
from clv_warehouse.recommendations.neighbours import item_to_item, learn
from clv_warehouse.recommendations.purchases import NEVER, Purchases
from clv_warehouse.recommendations.rankers import (
    SIMPLE_RANKERS,
    HabitThenSimilar,
    Learned,
    blocks,
)
from clv_warehouse.recommendations.signals import Signals
from clv_warehouse.recommendations.training import learn_ranker

CUSTOMERS, PRODUCTS, TODAY = 300, 30, 400


def of(
    rows: list[tuple[int, int, int]], returned: list[int] | None = None
) -> Purchases:
    """Purchases of (customer, product, day)."""
    columns = np.array(rows, np.int32).reshape(-1, 3).T
    return Purchases.of(
        *columns,
        pa.array([f"c{each:03d}" for each in range(CUSTOMERS)]),
        pa.array([f"p{each:02d}" for each in range(PRODUCTS)]),
        None if returned is None else np.array(returned, np.int32),
    )


@pytest.fixture(scope="module")
def shop() -> Purchases:
    """Customers of two tastes who buy a staple every 30 days and try the rest."""
    draw = np.random.default_rng(11)
    rows = set()
    for customer in range(CUSTOMERS):
        taste = customer % 2
        for day in range(int(draw.integers(0, 30)), TODAY + 60, 30):
            rows.add((customer, taste, day))
            for product in draw.integers(2, PRODUCTS, 3):
                if product % 2 == taste or draw.random() < 0.1:
                    rows.add((customer, int(product), day))
    return of(sorted(rows))


def test_what_happens_later_changes_no_list(shop: Purchases) -> None:
    lists = []
    for purchases in (shop, shop.until(TODAY)):
        ranker = learn_ranker(purchases, TODAY, 28)
        assert ranker is not None
        known = Known.at(purchases, TODAY, learn(purchases.until(TODAY).bought))
        (block,) = blocks(known, np.arange(CUSTOMERS))
        lists.append(lists_of(ranker, block, np.ones(PRODUCTS, bool), 5))
    for name in (AGAIN, NEW, BOTH):
        assert (lists[0].products[name] == lists[1].products[name]).all()
    assert shop.until(TODAY).day.max() <= TODAY


def test_the_recommender_knows_staples_and_tastes(shop: Purchases) -> None:
    ranker = learn_ranker(shop, TODAY, 28)
    assert ranker is not None
    known = Known.at(shop, TODAY, learn(shop.until(TODAY).bought))
    (block,) = blocks(known, np.arange(CUSTOMERS))
    lists = lists_of(ranker, block, np.ones(PRODUCTS, bool), 5)
    taste = np.arange(CUSTOMERS) % 2
    # The staple is due in every customer's next 28 days but for few.
    assert (lists.products[BOTH][:, 0] == taste).mean() > 0.95
    # While any product of their taste is left to them, it comes first.
    first = lists.products[NEW][:, 0] % 2 == taste
    left = (known.signals.purchases.bought.toarray() == 0)[:, 2:]
    has_left = (left & (np.arange(2, PRODUCTS) % 2 == taste[:, None])).any(1)
    assert first[has_left].mean() > 0.9


@pytest.mark.parametrize("length", [3, 10])
def test_lists_are_what_they_say(shop: Purchases, length: int) -> None:
    known = Known.at(shop, TODAY, learn(shop.until(TODAY).bought))
    had = known.signals.purchases.bought.toarray() > 0
    offered = np.arange(PRODUCTS) % 5 > 0
    ranker = learn_ranker(shop, TODAY, 28)
    assert isinstance(ranker, Learned)
    for each in (*SIMPLE_RANKERS, ranker):
        (block,) = blocks(known, np.arange(0, CUSTOMERS, 7))
        lists = lists_of(each, block, offered, length)
        for name in (AGAIN, NEW, BOTH):
            scores, products = lists.scores[name], lists.products[name]
            row, place = np.nonzero(np.isfinite(scores))
            found = products[row, place]
            assert offered[found].all()
            assert (
                np.diff(np.where(np.isfinite(scores), scores, -9), axis=1) <= 0
            ).all()
            if name == AGAIN:
                assert had[block.customers[row], found].all()
            if name == NEW:
                assert not had[block.customers[row], found].any()


def test_of_equal_products_the_first_are_taken() -> None:
    scores = np.array([[1, 2, 1, 2, 1, 3], [0, -np.inf, 5, -np.inf, 5, 5]], np.float32)
    products, best = best_of(scores, 4)
    assert products.tolist() == [[5, 1, 3, 0], [2, 4, 5, 0]]
    assert best.tolist() == [[3, 2, 2, 1], [5, 5, 5, 0]]
    draw = np.random.default_rng(3)
    many = draw.integers(0, 5, (200, 40)).astype(np.float32)
    products, _ = best_of(many, 7)
    assert (products == np.argsort(-many, axis=1, kind="stable")[:, :7]).all()


def test_what_goes_with_nothing_follows_by_popularity() -> None:
    # Nobody who bought products 1 and 2 bought any other.
    rows = [(1, 1, 390), (2, 1, 390), (2, 2, 390)]
    rows += [(customer, 9, 380) for customer in range(10, 20)]
    rows += [(customer, 8, 100) for customer in range(10, 40)]
    rows += [(customer, 7, 50) for customer in range(10, 40)]
    known = Known.at(of(rows), TODAY)
    (block,) = blocks(known, np.array([1]))
    lists = lists_of(HabitThenSimilar(), block, np.ones(PRODUCTS, bool), 5)
    assert lists.products[BOTH][0, :5].tolist() == [1, 2, 9, 8, 7]


def test_a_habit_counts_while_the_product_sells() -> None:
    # Bought as often and as lately as product 2, which others still buy.
    rows = [(0, product, day) for product in (1, 2) for day in (300, 330, 360)]
    rows += [(customer, 2, 395) for customer in range(10, 20)]
    rows += [(customer, 1, 300) for customer in range(10, 40)]
    known = Known.at(of(rows), TODAY)
    (block,) = blocks(known, np.array([0]))
    lists = lists_of(HabitThenSimilar(), block, np.ones(PRODUCTS, bool), 2)
    assert lists.products[AGAIN].tolist() == [[2, 1]]


def test_what_is_learned_has_not_seen_the_window() -> None:
    # Customers buy at random: what goes with what says nothing of the next 28 days. To
    # weights that have seen them it seems to, and their weight is about 5.
    draw = np.random.default_rng(5)
    days = draw.integers(TODAY - 200, TODAY + 1, 4000)
    who, what = draw.integers(0, CUSTOMERS, 4000), draw.integers(0, PRODUCTS, 4000)
    drawn = set(zip(who.tolist(), what.tolist(), days.tolist(), strict=True))
    ranker = learn_ranker(of(sorted(drawn)), TODAY, 28)
    assert ranker is not None
    assert abs(ranker.new.regression.weights[0]) < 2


def test_scores_do_not_depend_on_the_block(shop: Purchases) -> None:
    known = Known.at(shop, TODAY, learn(shop.until(TODAY).bought))
    ranker = learn_ranker(shop, TODAY, 28)
    assert ranker is not None
    everybody = np.arange(CUSTOMERS)
    (whole,) = blocks(known, everybody)
    whole_lists = lists_of(ranker, whole, np.ones(PRODUCTS, bool), 4)
    small = [
        lists_of(ranker, block, np.ones(PRODUCTS, bool), 4)
        for block in blocks(known, everybody, cells=7 * PRODUCTS)
    ]
    for name in (AGAIN, NEW, BOTH):
        joined = np.concatenate([each.products[name] for each in small])
        assert (joined == whole_lists.products[name]).all()


def test_trees_order_the_likeliest_new_products_and_no_others(
    shop: Purchases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rankers, "TOLD_APART", 4)
    known = Known.at(shop, TODAY, learn(shop.until(TODAY).bought))
    ranker = learn_ranker(shop, TODAY, 28)
    assert ranker is not None
    size = len(ranker.new.regression.weights)
    numbers = np.random.default_rng(2).normal(size=(2_000, size)).astype(np.float32)
    trees = Trees.fit(numbers, numbers.sum(1) > 0, 20)
    alone, both = (
        replace(ranker, new=replace(ranker.new, trees=each)) for each in (None, trees)
    )
    (block,) = blocks(known, np.arange(50))
    everything = np.ones(PRODUCTS, bool)
    before, after = (
        lists_of(each, block, everything, PRODUCTS).products[NEW]
        for each in (alone, both)
    )
    assert (np.sort(before[:, :4]) == np.sort(after[:, :4])).all()
    assert (before[:, :4] != after[:, :4]).any()
    left = (
        np.arange(PRODUCTS - 4)
        < (PRODUCTS - np.diff(known.interest.indptr)[:50] - 4)[:, None]
    )
    assert (before[:, 4:] == after[:, 4:])[left].all()


def test_a_return_takes_a_purchase_back_from_its_day_on() -> None:
    purchases = of([(0, 1, 10), (0, 2, 10)], [20, NEVER])
    assert purchases.until(19).product.tolist() == [1, 2]
    assert purchases.until(20).product.tolist() == [2]


def test_signals_of_a_pair_by_hand() -> None:
    purchases = of([(0, 1, 100), (0, 1, 140), (0, 1, 180), (5, 1, 185), (5, 2, 20)])
    signals = Signals.at(purchases, 200)
    assert signals.purchases.days.data.tolist() == [3, 1, 1]
    assert signals.gap[0] == 40
    assert np.isnan(signals.gap[1:]).all()
    faded = sum(2 ** (-age / 180) for age in (100, 60, 20))
    assert signals.interest[0, 1] == 1
    assert faded > 1
    assert signals.interest[5, 2] == pytest.approx(2 ** (-180 / 180))
    assert signals.popularity[:3].tolist() == [0, 2, 0]
    assert signals.visits[[0, 5]].tolist() == [3, 2]


def test_too_few_buyers_teach_nothing() -> None:
    rows = [(customer, 1, day) for customer in range(20) for day in (10, 50, 90)]
    assert learn_ranker(of(rows), 100, 28) is None
    assert learn_ranker(of([]), 100, 28) is None


def test_a_product_that_nobody_bought_borrows_from_those_like_it() -> None:
    names = [f"thing {each}" for each in range(PRODUCTS)]
    names[1], names[2], names[3] = "red mug", "blue plate", "red mug large"
    rows = [(customer, 1, 390) for customer in range(20)]
    rows += [(customer, 2, 390) for customer in range(10, 40)]
    known = Known.at(of(rows), TODAY, None, Likeness.of(names, [None] * PRODUCTS))
    # Who bought the blue plate has not bought a red mug: the new one comes to them too.
    block = known.block(np.array([39]))
    lists = lists_of(HabitThenSimilar(), block, np.ones(PRODUCTS, bool), 3)
    assert lists.products[NEW][0, :2].tolist() in ([1, 3], [3, 1])
    assert known.signals.popularity[3] == 20


def test_sql_and_python_find_the_same_similar_products(
    sample: duckdb.DuckDBPyConnection,
) -> None:
    table = sample.table
    purchases = Purchases.read(
        table("features.product_purchases"),
        table("orders.dim_customers"),
        table("recommendations.offered_products")
        .order("product_id")
        .to_arrow_table()["product_id"]
        .combine_chunks(),
    )
    (day,) = sample.sql(
        "select max(as_of_date) - date '1970-01-01' from features.as_of_dates"
    ).fetchall()[0]
    signals = Signals.at(purchases.until(day), day)
    # No customer of the sample shop has more products than similar_products reads.
    assert np.diff(signals.interest.indptr).max() <= 200
    weights = item_to_item(signals.interest, sources=PRODUCTS**2)
    ids = purchases.product_ids.to_pylist()
    place = {each: number for number, each in enumerate(ids)}
    rows = sample.sql(
        "select product_id, similar_product_id, similarity "
        "from recommendations.similar_products"
    ).fetchall()
    assert rows
    found = [weights[place[one], place[other]] for one, other, _ in rows]
    assert found == pytest.approx([similarity for *_, similarity in rows], rel=1e-3)
