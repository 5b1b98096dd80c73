"""Tests what dbt's Python models return: lists with reasons, and what is kept."""

import json
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from clv_warehouse.learning.acceptance import ACCEPTED, REJECTED, Decision
from clv_warehouse.learning.logistic import Logistic
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.registry import SCHEMA, Stored, new_row
from clv_warehouse.learning.trees import Trees
from clv_warehouse.recommendations import registry, scoring
from clv_warehouse.recommendations.neighbours import GraphFilter
from clv_warehouse.recommendations.purchases import VIEWS, Purchases
from clv_warehouse.recommendations.rankers import (
    LEARNED,
    POPULAR,
    SIMPLE,
    WITH_TASTE,
    WITH_VIEWS,
    Learned,
    Likelihood,
)
from clv_warehouse.recommendations.training import TOLD, trained_row

TODAY = date(2025, 6, 30)
PLAN = Plan(
    LEARNED,
    is_due=True,
    reason="test",
    as_of_date=TODAY,
    settings=json.dumps({"recommendation_days": 28, "recommended_products": 5}),
)
SHOP = """
    create table products as
    select
        'p' || range as product_id,
        case range when 0 then 'Red mug' when 8 then 'Red mug, large' else 'Thing' end
            as product_name,
        'Category ' || (range % 2) as category,
        range <> 3 as is_offered,
        case when range < 8 then 1 else 0 end as customers,
        cast(null as date) as launched_date
    from range(9);
    create table purchases as
    select
        'c' || lpad(cast(customer as varchar), 3, '0') as customer_key,
        'p' || case
            when turn % 2 = 0 then customer % 2
            else 2 + (customer * 3 + turn // 2) % 6
        end as product_id,
        date '2025-06-25' - cast(20 * turn + customer % 20 as integer) as purchase_date,
        cast(null as date) as returned_date
    from range(120) as people (customer)
    cross join range(8) as turns (turn);
    create table customers as
    select distinct customer_key, 'Spain' as country from purchases
    union all
    select 'stranger', 'Spain'
    union all
    select 'unknown', null;
    create table views as
    select customer_key, product_id, purchase_date - 3 as view_date from purchases;
    create table brought (product_id varchar, source varchar, vector double[]);
    create table dates as
    select date '2025-06-30' as as_of_date, true as is_scoring_date;
    create table vectors as
    select
        'p' || product as product_id,
        knows_until,
        cast([product % 2 = 0, product % 2 = 1] as float[]) as vector
    from range(8) as products (product)
    cross join (values (date '2025-06-30'), (date '2025-06-02')) as ends (knows_until);
    create table tastes as
    select
        customer_key,
        knows_until as as_of_date,
        knows_until,
        0.5e0 as chance_28d,
        cast(
            [
                cast(substr(customer_key, 2) as integer) % 2 = 0,
                cast(substr(customer_key, 2) as integer) % 2 = 1
            ] as float[]
        ) as taste
    from (select distinct customer_key from purchases) as customers
    cross join (values (date '2025-06-30'), (date '2025-06-02')) as ends (knows_until)
"""


@pytest.fixture
def shop():
    """A shop of eight products in two tastes, a ninth that nobody has bought."""
    with duckdb.connect() as connection:
        connection.execute(SHOP)
        connection.register("none", SCHEMA.empty_table())
        yield connection


def lists(shop: duckdb.DuckDBPyConnection, recommenders: str, length: int = 5):
    tables = (
        *(recommenders, "purchases", "customers", "products", "brought", "dates"),
        *("tastes", "vectors"),
    )
    found = scoring.recommend(*map(shop.table, tables), length, shop.table("views"))
    return pa.table(found).to_pylist()


def learned(
    shop: duckdb.DuckDBPyConnection, with_taste: float = 0.4, with_views: float = 0.3
) -> pa.Table:
    """The row of a training that was judged better, and worse with tastes or better."""
    cases = [
        {
            name: {"recall": measure, "ndcg": measure}
            for name, measure in (
                (LEARNED, 0.5),
                (WITH_VIEWS, with_views),
                (WITH_TASTE, with_taste),
                (SIMPLE, 0.4),
            )
        }
    ]
    return trained_row(
        PLAN,
        cases,
        shop.table("purchases").to_arrow_table(),
        shop.table("products").project(TOLD).to_arrow_table(),
        shop.table("brought").to_arrow_table(),
        shop.table("tastes").to_arrow_table(),
        shop.table("vectors").to_arrow_table(),
        shop.table("views").project(VIEWS).to_arrow_table(),
    )


def weighing(row: pa.Table, sources: dict[str, float]) -> pa.Table:
    """The row of a recommender that trusts sources of product vectors so much."""
    stored = Stored("v", row["weights"][0].as_py(), "", "", None)
    found = registry.from_stored(stored)
    assert isinstance(found.weights, sp.csr_matrix)
    told = {name: row[name][0].as_py() for name in ("config", "prior", "measures")}
    return new_row(
        PLAN,
        Decision(ACCEPTED, "test"),
        registry.to_bytes(found.ranker, found.weights, found.product_ids, sources),
        data_fingerprint="",
        history="",
        **told,
    )


def test_of_unsold_products_those_launched_last_are_ranked(
    shop: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "MOST_UNSOLD", 2)
    shop.execute(
        "insert into products values "
        "('n1', 'New', null, true, 0, null), "
        "('n2', 'New', null, true, 0, date '2025-06-01'), "
        "('n3', 'New', null, true, 0, date '2025-06-02'), "
        "('n4', 'New', null, false, 0, date '2025-06-03')"
    )
    told = scoring.ranked_products(shop.table("products"))
    ids = told["product_id"].to_pylist()
    assert ids == ["n2", "n3", *(f"p{each}" for each in range(8))]


@pytest.mark.parametrize("age", [5, 300])
@pytest.mark.parametrize(
    "pairs",
    [
        [("c000", "p0")],
        [("c000", "p0"), ("c001", "p1"), ("c002", "p2")],
        [("c000", "p0"), ("c001", "p0"), ("c001", "p4"), ("c002", "p5")],
    ],
)
def test_tiny_shops_have_lists_whose_reasons_are_true(
    shop: duckdb.DuckDBPyConnection, pairs: list[tuple[str, str]], age: int
) -> None:
    values = ", ".join(
        f"('{customer}', '{product}', date '2025-06-30' - {age}, null::date)"
        for customer, product in pairs
    )
    shop.execute(f"delete from purchases; insert into purchases values {values}")
    rows = lists(shop, "none")
    bought = {product for _, product in pairs}
    assert {each["customer_key"] for each in rows} >= {"c000", "c001", "stranger"}
    for each in rows:
        has_it = (each["customer_key"], each["product_id"]) in pairs
        assert (each["reason"] == "bought") == has_it
        if each["reason"] in ("popular", "popular_there", "liked"):
            assert each["product_id"] in bought
        if each["reason"] in ("alike", "unsold"):
            assert each["product_id"] not in bought
        if each["reason"] in ("popular", "liked"):
            assert (each["reason"] == "popular") == (age < 28)
    ranks: dict[tuple[str, str], list[int]] = {}
    for each in rows:
        ranks.setdefault((each["customer_key"], each["list"]), []).append(each["rank"])
    assert all(found == [*range(1, len(found) + 1)] for found in ranks.values())


def test_every_customer_has_lists_with_reasons(shop: duckdb.DuckDBPyConnection) -> None:
    row = learned(shop)
    assert row["verdict"].to_pylist() == [ACCEPTED]
    shop.register("learned", row)
    rows = lists(shop, "learned")
    assert {each["customer_key"] for each in rows} == {
        key for (key,) in shop.table("customers").project("customer_key").fetchall()
    }
    assert "p3" not in {each["product_id"] for each in rows}
    by_customer = [each for each in rows if each["customer_key"] == "c000"]
    again = {each["product_id"] for each in by_customer if each["list"] == "again"}
    bought = shop.sql("select product_id from purchases where customer_key = 'c000'")
    assert again <= {product for (product,) in bought.fetchall()}
    (staple,) = [
        each
        for each in by_customer
        if each["list"] == "again" and each["product_id"] == "p0"
    ]
    # Bought on four days, 40 days apart.
    assert (staple["reason"], staple["gap_days"]) == ("cycle", 40)
    assert staple["model"] == LEARNED
    assert 0 < staple["score"] < 1
    # What nobody has bought is like the red mug.
    alike = [each for each in rows if each["product_id"] == "p8"]
    assert {each["reason"] for each in alike} <= {"alike", "unsold"}
    strangers = [each for each in rows if each["customer_key"] == "stranger"]
    assert {each["reason"] for each in strangers} == {"popular_there"}
    assert {each["list"] for each in strangers} == {"new", "both"}
    unknown = [each for each in rows if each["customer_key"] == "unknown"]
    assert {each["reason"] for each in unknown} == {"popular"}


@pytest.mark.parametrize(("weight", "liked"), [(0.0, 0), (4.0, 1)])
def test_vectors_lend_only_if_the_recommender_trusts_them(
    shop: duckdb.DuckDBPyConnection, weight: float, liked: int
) -> None:
    shop.execute(
        """
        insert into brought
        select 'p' || range, 'image', if(range in (1, 8), [1.0, 0.0], [0.0, 1.0])
        from range(9)
        """
    )
    shop.register("row", weighing(learned(shop), {"image": weight}))
    scores = [
        (int(each["customer_key"][1:]) % 2, each["score"])
        for each in lists(shop, "row", 9)
        if each["product_id"] == "p8" and each["list"] == "new"
        if each["customer_key"].startswith("c")
    ]
    # By its name it is the red mug, p0, and by its picture p1.
    means = [np.mean([score for of, score in scores if of == side]) for side in (0, 1)]
    assert np.argmax(means) == liked


def test_what_learns_nothing_ranks_until_a_recommender_is_accepted(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    assert {each["model"] for each in lists(shop, "none")} == {SIMPLE, "popular"}
    row = learned(shop).to_pylist()[0]
    changed = {**row, "weights": row["weights"] + b" "}
    shop.register("changed", pa.Table.from_pylist([changed], schema=SCHEMA))
    assert {each["model"] for each in lists(shop, "changed")} == {SIMPLE, "popular"}


def test_a_recommender_that_is_no_better_is_not_accepted() -> None:
    worse = {
        LEARNED: {"recall": 0.4, "ndcg": 0.5},
        SIMPLE: {"recall": 0.5, "ndcg": 0.5},
    }
    assert registry.decide([worse])[0].verdict == REJECTED
    assert not registry.decide([])[0].is_accepted


def test_a_shop_whose_orders_name_no_products_has_no_lists_and_says_so(
    shop: duckdb.DuckDBPyConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.execute("delete from purchases")
    shop.execute("delete from products")
    assert lists(shop, "none") == []
    assert "nothing to recommend" in capsys.readouterr().out
    assert learned(shop).num_rows == 0


def regression(size: int) -> Logistic:
    return Logistic(np.arange(size, dtype=float), 0.5)


def grown() -> Trees:
    numbers = np.random.default_rng(1).normal(size=(600, 2)).astype(np.float32)
    return Trees.fit(numbers, numbers[:, 0] > numbers[:, 1], 20)


def test_a_stored_recommender_is_the_one_that_was_learned() -> None:
    trees = grown()
    ranker = Learned(Likelihood(regression(4)), Likelihood(regression(2), trees))
    cells = sp.csr_matrix(np.array([[0, 0.5], [0.25, 0]], np.float32))
    ids = pa.array(["a", "b"])
    stored = Stored(
        "v", registry.to_bytes(ranker, cells, ids, {"image": 2.0}), "", "", None
    )
    found = registry.from_stored(stored)
    assert found.sources == {"image": 2}
    assert found.ranker.again.regression.weights.tolist() == [0, 1, 2, 3]
    assert found.ranker.again.trees is None
    assert found.ranker.new.regression.intercept == 0.5
    numbers = np.array([[1, 2], [-1, 0]], np.float32)
    assert found.ranker.new.trees is not None
    said = found.ranker.new.trees.log_odds(numbers)
    assert said.tolist() == trees.log_odds(numbers).tolist()
    # A product came before and one went: each weight stays with its products.
    purchases = purchases_of(["0", "b", "c"])
    weights = found.weights_for(purchases)
    assert isinstance(weights, sp.csr_matrix)
    assert weights.nnz == 0
    both = found.weights_for(purchases_of(["0", "a", "b"]))
    assert isinstance(both, sp.csr_matrix)
    assert both.toarray().tolist() == [[0, 0, 0], [0, 0, 0.5], [0, 0.25, 0]]


def test_a_stored_graph_filter_scores_as_the_one_that_was_learned() -> None:
    purchases = purchases_of([str(each) for each in range(9)])
    learned_filter = GraphFilter.of(purchases.bought)
    ranker = Learned(Likelihood(regression(4)), Likelihood(regression(2)))
    stored = registry.to_bytes(ranker, learned_filter, purchases.product_ids, {})
    found = registry.from_stored(Stored("v", stored, "", "", None))
    again = found.weights_for(purchases)
    assert isinstance(again, GraphFilter)
    expected = learned_filter.scores(purchases.bought)
    assert again.scores(purchases.bought) == pytest.approx(expected, abs=0.01)


def test_the_graph_filter_is_what_its_papers_say() -> None:
    bought = purchases_of([str(each) for each in range(9)]).bought
    x = bought.toarray()
    degrees = x.sum(1, keepdims=True), x.sum(0, keepdims=True)
    damped = x / np.sqrt(np.maximum(degrees[0] * degrees[1], 1e-12))
    similar = damped.T @ damped
    vectors = np.linalg.svd(damped)[2][:8]
    root = np.sqrt(np.maximum(degrees[1], 1e-12)).ravel()
    low_pass = np.diag(1 / root) @ vectors.T @ vectors @ np.diag(root)
    blurred = x @ (similar + 0.3 * low_pass)
    expected = blurred - 0.6 * blurred @ similar
    assert GraphFilter.of(bought).scores(bought) == pytest.approx(expected, abs=1e-3)


def purchases_of(ids: list[str]) -> Purchases:
    """Purchases of 40 customers, each of three products."""
    draw = np.random.default_rng(2)
    rows = {
        (customer, int(product))
        for customer in range(40)
        for product in draw.integers(0, len(ids), 3)
    }
    customer, product = np.array(sorted(rows), np.int32).T
    keys = pa.array([f"c{each:02d}" for each in range(40)])
    return Purchases.of(
        customer, product, np.zeros(len(rows), np.int32), keys, pa.array(ids)
    )


def test_tastes_are_read_where_they_were_better(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    shop.register("recommenders", learned(shop, with_taste=0.6))
    assert {row["model"] for row in lists(shop, "recommenders")} == {
        WITH_TASTE,
        POPULAR,
    }
    shop.register("others", learned(shop))
    assert {row["model"] for row in lists(shop, "others")} == {LEARNED, POPULAR}
    # A shop that loses its encoder is ranked all the same.
    shop.execute("delete from tastes")
    assert lists(shop, "recommenders")


def test_views_are_read_where_they_were_better(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    shop.register("recommenders", learned(shop, with_views=0.6))
    assert {row["model"] for row in lists(shop, "recommenders")} == {
        WITH_VIEWS,
        POPULAR,
    }
    # A shop that watches nobody any more is ranked all the same.
    shop.execute("delete from views")
    assert lists(shop, "recommenders")


def test_an_encoder_that_knows_later_days_is_refused(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    shop.execute("update tastes set knows_until = date '2025-06-30'")
    with pytest.raises(ValueError, match="knows all until 2025-06-30"):
        learned(shop, with_taste=0.6)
