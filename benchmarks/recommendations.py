"""Measures the recommendations on public data, beside simple and published models.

On Online Retail II they are judged on what customers bought in the 28 days after three
dates, and the products that nobody had bought before are judged apart (cold); on
Gowalla, which has no dates, the item-to-item weights alone are, on the split of the
LightGCN paper; on Ta Feng on the next basket. Intervals are bootstrapped over
customers.
What all of it costs by the shop's size is in recommendation_size.py.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

from benchmarks.data import DATA, GOWALLA, ONLINE_RETAIL_II, TAFENG, absent
from benchmarks.harness import Row, call, rows
from benchmarks.recommendation_size import of_sizes
from clv_warehouse.project.arrays import Bools, Floats, Ints, Singles
from clv_warehouse.project.days import days_since_1970
from clv_warehouse.recommendations.known import Block, Known
from clv_warehouse.recommendations.likeness import Likeness
from clv_warehouse.recommendations.lists import AGAIN, BOTH, NEW, best_of, lists_of
from clv_warehouse.recommendations.neighbours import GraphFilter, learn
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.rankers import (
    LEARNED,
    SIMPLE_RANKERS,
    Ranker,
    blocks,
)
from clv_warehouse.recommendations.training import learn_ranker

WINDOW = 28
# Of Ta Feng's baskets, which have no dates.
BASKET_DAYS = 14
ORIGINS = ("2011-11-11", "2011-08-12", "2011-03-11")
SYSTEM = "clv_warehouse"
SQL_ALONE, TIFU_KNN, UP_CF = "sql_alone", "tifu_knn", "up_cf"
CASES = ("online_retail_ii", "cold", "gowalla", "tafeng", "size")
SIZES = (100_000, 1_000_000, 10_000_000)
LENGTH = 20
# Two of the usual dates have 11 and 18 products that nobody had bought before; these
# have 67 to 108.
COLD_ORIGINS = (*ORIGINS, "2011-04-29", "2011-05-27", "2011-08-19", "2011-09-16")
COLD_LENGTH = 10
RESAMPLES = 500
DISCOUNTS = 1 / np.log2(np.arange(2, 202))
# Lines of known customers whose code is a product's, without returns.
RETAIL = """
    select distinct
        cast(cast("Customer ID" as double) as integer) as customer,
        cast(InvoiceDate as date) as day,
        upper(StockCode) as product
    from '{}'
    where
        "Customer ID" is not null and Quantity > 0 and Price > 0
        and not regexp_matches(Invoice, '^[CA]')
        and regexp_matches(StockCode, '^[0-9]{{5}}')
"""

# What the shop calls a product on most of the lines with a price.
RETAIL_NAMES = """
    select upper(StockCode) as product, trim(Description) as name
    from '{}'
    where Price > 0 and Description is not null
    group by product, name
    qualify row_number() over (partition by product order by count(*) desc, name) = 1
"""


def benchmark(cases: Sequence[str] = CASES, data: Path = DATA) -> Iterator[Row]:
    """Measure the cases whose data are there."""
    retail_file, folder, baskets = (
        data / ONLINE_RETAIL_II,
        data / GOWALLA,
        data / TAFENG,
    )
    if "online_retail_ii" in cases:
        yield from _if_there(retail_file, retail, ORIGINS)
    if "cold" in cases:
        yield from _if_there(retail_file, cold, COLD_ORIGINS)
    if "gowalla" in cases:
        yield from _if_there(folder, gowalla, [SYSTEM, SQL_ALONE])
    if "tafeng" in cases:
        yield from _if_there(baskets, tafeng, [SYSTEM, TIFU_KNN, UP_CF])
    if "size" in cases:
        yield from of_sizes(SIZES)


def _if_there(
    path: Path, function: Callable, arguments: Sequence[str]
) -> Iterator[Row]:
    """Run a case in a process of its own for each argument, with what it costs."""
    if not path.exists():
        print(absent(path))
        return
    for argument in arguments:
        done = call(function, path, argument)
        yield from (Row(*row) for row in done.value)
        case, system, *_ = done.value[0]
        costs = {name: done.cost[name] for name in ("cpu_seconds", "peak_mb")}
        yield from rows(case, system, costs)


@dataclass(frozen=True)
class FixedBlend:
    """(own + 0.5 EASE) x live popularity: what the trials of the project chose."""

    own: float
    name: str

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score all products."""
        signals = block.known.signals
        live = np.sqrt(signals.popularity / max(signals.popularity.max(), 1))
        found = _to_one(block.learned)
        found *= 0.5 if self.own else 1
        own = np.zeros_like(found)
        own[block.row, block.product] = np.log1p(signals.habit[block.pair])
        found += self.own * _to_one(own)
        found *= live
        return found[block.row, block.product], found


def retail(source: str, origin: str) -> list[tuple]:
    """Judge all models on what customers of Online Retail II bought after a date."""
    purchases = read_retail(source)
    day = days_since_1970(date.fromisoformat(origin))
    return judged(f"online_retail_ii/{origin}", purchases, day, WINDOW, (LENGTH,))


def read_retail(source: str) -> Purchases:
    """Read who bought what when, as the trials did."""
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.sql(RETAIL.format(source)).fetchnumpy()
    customers, customer = np.unique(found["customer"], return_inverse=True)
    products, product = np.unique(found["product"].astype(str), return_inverse=True)
    day = found["day"].astype("datetime64[D]").astype(np.int32)
    return Purchases.of(
        customer.astype(np.int32),
        product.astype(np.int32),
        day,
        pa.array(customers.astype(str)),
        pa.array(products),
    )


def judged(
    case: str, purchases: Purchases, day: int, window: int, lengths: Sequence[int]
) -> list[tuple]:
    """Learn as of a day, and judge by the window after it; return rows."""
    ranker = learn_ranker(purchases, day, window)
    assert ranker is not None
    known = Known.at(purchases, day, learn(purchases.until(day).bought))
    truth = purchases.within(day, day + window).bought
    had = known.signals.purchases.bought
    judged_customers = np.flatnonzero(
        (np.diff(truth.indptr) > 0) & (np.diff(had.indptr) > 0)
    )
    rankers: list[Ranker] = [
        ranker,
        *SIMPLE_RANKERS,
        FixedBlend(0.0, "ease_live"),
        FixedBlend(1.0, "fixed_blend"),
    ]
    found: list[tuple] = []
    for each in rankers:
        system = SYSTEM if each.name == LEARNED else each.name
        values = measured(each, known, judged_customers, truth, lengths)
        for name, customers in values.items():
            found.append((case, system, name, float(customers.mean())))
            if each.name == LEARNED:
                low, high = interval(customers)
                found.append((case, system, f"{name}_low", low))
                found.append((case, system, f"{name}_high", high))
    return found


def cold(source: str, origin: str) -> list[tuple]:
    """Judge lists of products that were first bought in the 28 days after a date.

    Nothing but their names was known. Only they are ranked, for customers who had
    bought something before and then bought one of them.
    """
    purchases = read_retail(source)
    with duckdb.connect(config={"threads": 1}) as connection:
        names = dict(connection.execute(RETAIL_NAMES.format(source)).fetchall())
    ids = purchases.product_ids.to_pylist()
    likeness = Likeness.of([names.get(each) for each in ids], [None] * len(ids))
    day = days_since_1970(date.fromisoformat(origin))
    before, truth = purchases.until(day), purchases.within(day, day + WINDOW).bought
    known = Known.at(purchases, day, learn(before.bought), likeness)
    learned = learn_ranker(purchases, day, WINDOW)
    assert learned is not None
    had = before.bought
    is_cold = (had.getnnz(0) == 0) & (truth.getnnz(0) > 0)
    wanted = sp.csr_matrix(truth[:, is_cold])
    customers = np.flatnonzero((wanted.getnnz(1) > 0) & (had.getnnz(1) > 0))
    found: dict[tuple[str, str], list[Floats]] = {}
    draw = np.random.default_rng(1)
    for block in blocks(known, customers):
        then_bought = wanted[block.customers].toarray() > 0
        scores = {
            SYSTEM if each.name == LEARNED else each.name: each.score(block)[1]
            for each in (learned, *SIMPLE_RANKERS)
        }
        scores["random"] = draw.random((len(block.customers), len(ids)), np.float32)
        for system, each in scores.items():
            best = best_of(each[:, is_cold], COLD_LENGTH)
            values = measures(*best, then_bought, COLD_LENGTH)
            for name, value in zip(("recall", "ndcg"), values, strict=True):
                measure = f"{name}_at_{COLD_LENGTH}"
                found.setdefault((system, measure), []).append(value)
    case = f"cold/{origin}"
    counts = {"cold_products": is_cold.sum(), "customers": len(customers)}
    return [
        *(
            (case, *key, float(np.concatenate(each).mean()))
            for key, each in found.items()
        ),
        *((case, SYSTEM, name, float(count)) for name, count in counts.items()),
    ]


def measured(
    ranker: Ranker,
    known: Known,
    customers: Ints,
    truth: sp.csr_matrix,
    lengths: Sequence[int],
) -> dict[str, Floats]:
    """Recall and NDCG of each list, by customer who bought something of its kind."""
    offered = np.ones(known.interest.shape[1], bool)
    found: dict[str, list[Floats]] = {}
    for block in blocks(known, customers):
        best = lists_of(ranker, block, offered, max(lengths))
        bought = np.asarray(truth[block.customers].todense()) > 0
        had = np.asarray(block.interest.todense()) > 0
        had[block.row, block.product] = True
        kinds = {BOTH: bought, AGAIN: bought & had, NEW: bought & ~had}
        names = {BOTH: "", AGAIN: "repeat_", NEW: "new_"}
        for kind, wanted in kinds.items():
            for length in lengths:
                recall, gain = measures(
                    best.products[kind], best.scores[kind], wanted, length
                )
                for name, each in (("recall", recall), ("ndcg", gain)):
                    key = f"{names[kind]}{name}_at_{length}"
                    found.setdefault(key, []).append(each)
    return {name: np.concatenate(each) for name, each in found.items()}


def measures(
    products: Ints, scores: Singles, wanted: Bools, length: int
) -> tuple[Floats, Floats]:
    """Recall and NDCG, as He et al. (2020) have them, of those who bought anything."""
    judged_rows = wanted.any(1)
    products, wanted = products[judged_rows, :length], wanted[judged_rows]
    hits = np.take_along_axis(wanted, products, 1)
    hits &= np.isfinite(scores[judged_rows, :length])
    count = wanted.sum(1)
    discounts = DISCOUNTS[: products.shape[1]]
    ideal = np.cumsum(DISCOUNTS[:length])[np.minimum(count, length) - 1]
    return hits.sum(1) / count, (hits * discounts).sum(1) / ideal


def interval(values: Floats) -> tuple[float, float]:
    """The 95 % interval of a mean over customers, bootstrapped."""
    draw = np.random.default_rng(1)
    means = [draw.choice(values, len(values)).mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _to_one(scores: Singles) -> Singles:
    most = scores.max(1, keepdims=True)
    most[most <= 0] = 1
    return np.divide(scores, most, dtype=np.float32)


def gowalla(folder: str, system: str) -> list[tuple]:
    """Judge item-to-item weights on the check-ins of Gowalla, which have no dates."""
    known, truth = (
        _pairs(pq.read_table(f"{folder}/{part}.parquet", memory_map=True))
        for part in ("train", "test")
    )
    if system == SQL_ALONE:
        batches = _sql_alone(f"{folder}/train.parquet", known.shape[0])
    else:
        batches = _graph_filter(known)
    found: dict[str, list[Floats]] = {"recall": [], "ndcg": []}
    for customers, scores in batches:
        had = known[customers]
        scores[
            np.repeat(np.arange(len(customers)), np.diff(had.indptr)), had.indices
        ] = -np.inf
        wanted = np.asarray(truth[customers].todense()) > 0
        recall, gain = measures(*best_of(scores, LENGTH), wanted, LENGTH)
        found["recall"].append(recall)
        found["ndcg"].append(gain)
    return [
        ("gowalla", system, f"{name}_at_{LENGTH}", float(np.concatenate(each).mean()))
        for name, each in found.items()
    ]


def _pairs(table: pa.Table, shape: tuple[int, int] = (29_858, 40_981)) -> sp.csr_matrix:
    places = (table["user_id"].to_numpy(), table["item_id"].to_numpy())
    return sp.csr_matrix((np.ones(table.num_rows, np.float32), places), shape)


def _graph_filter(known: sp.csr_matrix) -> Iterator[tuple[Ints, Singles]]:
    weights = GraphFilter.of(known)
    for start in range(0, known.shape[0], 256):
        customers = np.arange(start, min(start + 256, known.shape[0]))
        yield customers, weights.scores(known[customers])


def _sql_alone(path: str, customers: int) -> Iterator[tuple[Ints, Singles]]:
    """Score with 400 similar products each, as similar_products finds its 20."""
    with duckdb.connect(config={"threads": 2, "memory_limit": "2GB"}) as connection:
        # A bar on standard output would stand before the results.
        connection.execute("set enable_progress_bar = false")
        connection.execute(SIMILAR_SQL.format(path))
        for start in range(0, customers, 1000):
            found = connection.execute(SCORES_SQL, [start, start + 1000]).fetchnumpy()
            size = min(1000, customers - start)
            scores = np.zeros((size, 40_981), np.float32)
            scores[found["customer"] - start, found["product"]] = found["score"]
            yield np.arange(start, start + size), scores


# As models/recommendations/similar_products.sql has it, with an interest of 1.
SIMILAR_SQL = """
    create table interest as
    select user_id as customer, item_id as product from '{}';
    create table damped as
    select
        customer,
        product,
        1 / power(
            count(*) over (partition by customer)
            * count(*) over (partition by product),
            0.35
        ) as weight
    from interest;
    create table pairs as
    with halves as (
        select one.product, other.product as similar_product,
            sum(one.weight * other.weight) as similarity
        from damped as one
        inner join damped as other
            on one.customer = other.customer and one.product < other.product
        group by all
    ),
    both_ways as (
        from halves
        union all
        select similar_product, product, similarity from halves
    )
    select product, similar_product, cast(similarity as float) as similarity
    from both_ways
    qualify row_number() over (
        partition by similar_product order by similarity desc, product
    ) <= 400
"""
SCORES_SQL = """
    select interest.customer, pairs.similar_product as product,
        sum(pairs.similarity) as score
    from interest
    inner join pairs on interest.product = pairs.product
    where interest.customer >= ? and interest.customer < ?
    group by all
"""


def tafeng(source: str, system: str) -> list[tuple]:
    """Judge what the next basket of Ta Feng's customers holds.

    There are no dates: each customer's baskets are counted back from the last one, and
    a basket stands for two weeks.
    """
    table = pq.read_table(source)
    is_history = table["part"].to_numpy() == "history"
    customer, basket, product = (
        table[name].to_numpy() for name in ("customer", "basket", "product")
    )
    customers, customer = np.unique(customer, return_inverse=True)
    products, product = np.unique(product, return_inverse=True)
    last = np.zeros(len(customers), np.int64)
    np.maximum.at(last, customer[is_history], basket[is_history])
    day = np.where(is_history, (basket - last[customer]) * BASKET_DAYS, BASKET_DAYS)
    purchases = Purchases.of(
        customer.astype(np.int32),
        product.astype(np.int32),
        (day + 10_000).astype(np.int32),
        pa.array(customers.astype(str)),
        pa.array(products.astype(str)),
    )
    if system == SYSTEM:
        found = judged("tafeng", purchases, 10_000, BASKET_DAYS, (10, LENGTH))
        return [row for row in found if row[1] not in ("ease_live", "fixed_blend")]
    truth = purchases.within(10_000, 10_000 + BASKET_DAYS).bought
    values: dict[str, list[Floats]] = {}
    for block, scores in NEXT_BASKET[system](purchases.until(10_000)):
        wanted = np.asarray(truth[block].todense()) > 0
        for length in (10, LENGTH):
            both = measures(*best_of(scores, length), wanted, length)
            for name, each in zip(("recall", "ndcg"), both, strict=True):
                values.setdefault(f"{name}_at_{length}", []).append(each)
    return [
        ("tafeng", system, name, float(np.concatenate(each).mean()))
        for name, each in values.items()
    ]


def tifu_knn(purchases: Purchases) -> Iterator[tuple[Ints, Singles]]:
    """Hu et al. (2020), with what its paper chose for Ta Feng.

    Baskets in 7 groups count 0.9 as much from one to the next, and groups 0.7; 300
    neighbours have 0.3 of the say.
    """
    back = (10_000 - purchases.day) // BASKET_DAYS
    baskets = np.ones(purchases.shape[0], np.int64)
    np.maximum.at(baskets, purchases.customer, back + 1)
    size = np.ceil(baskets / 7).astype(np.int64)[purchases.customer]
    groups = np.ceil(baskets[purchases.customer] / size)
    weight = 0.9 ** (back % size) * 0.7 ** (back // size) / (size * groups)
    vectors = purchases.summed(weight.astype(np.float32))
    length = np.asarray(vectors.multiply(vectors).sum(1)).ravel()
    for block, alike in _alike(vectors, lambda rows, dots: 2 * dots - length):
        nearest = np.argpartition(-alike, 300, axis=1)[:, :300]
        chosen = np.zeros_like(alike)
        np.put_along_axis(chosen, nearest, np.float32(1 / 300), 1)
        others = (sp.csr_matrix(chosen) @ vectors).toarray()
        yield block, np.float32(0.7) * vectors[block].toarray() + 0.3 * others


def up_cf(purchases: Purchases) -> Iterator[tuple[Ints, Singles]]:
    """Faggioli et al. (2020): popularity with the user and users like them.

    The last 10 baskets count, and users count by an asymmetric cosine of 0.25.
    """
    back = (10_000 - purchases.day) // BASKET_DAYS
    recent = np.where(back < 10, 1, 0).astype(np.float32)
    baskets = np.ones(purchases.shape[0], np.int64)
    np.maximum.at(baskets, purchases.customer, np.minimum(back + 1, 10))
    share = recent / baskets[purchases.customer]
    vectors = purchases.summed(share.astype(np.float32))
    bought = purchases.bought
    counts = np.asarray(bought.sum(1)).ravel()

    def cosine(rows: Ints, dots: Singles) -> Singles:
        both = counts[rows][:, None] ** 0.25 * counts**0.75
        found = np.divide(dots, both, dtype=np.float32)
        found[np.arange(len(rows)), rows] = 1
        return found

    for block, alike in _alike(bought, cosine):
        yield block, (vectors.T @ alike.T).T


NEXT_BASKET = {TIFU_KNN: tifu_knn, UP_CF: up_cf}


def _alike(
    vectors: sp.csr_matrix, measure: Callable[[Ints, Singles], Singles]
) -> Iterator[tuple[Ints, Singles]]:
    for start in range(0, vectors.shape[0], 500):
        rows_of = np.arange(start, min(start + 500, vectors.shape[0]))
        dots = np.asarray((vectors[rows_of] @ vectors.T).todense(), np.float32)
        yield rows_of, measure(rows_of, dots).astype(np.float32)
