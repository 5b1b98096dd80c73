"""Makes every customer's three lists, block by block, with the reason of each row."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import ByBatch, Relation
from clv_warehouse.learning.progress import Progress
from clv_warehouse.project.arrays import Bools, Floats, Ints, Singles
from clv_warehouse.project.days import days_since_1970
from clv_warehouse.recommendations.known import Block, Known
from clv_warehouse.recommendations.likeness import Likeness
from clv_warehouse.recommendations.lists import LISTS, Lists, lists_of
from clv_warehouse.recommendations.purchases import VIEWS, Purchases
from clv_warehouse.recommendations.rankers import (
    POPULAR,
    HabitThenSimilar,
    Ranker,
    blocks,
)
from clv_warehouse.recommendations.registry import last_accepted
from clv_warehouse.recommendations.tastes import Tastes
from clv_warehouse.recommendations.vectors import VECTORS, read_vectors

BATCH_ROWS = 1 << 13
# A gap between purchases is told if it is the mean of two at least.
FEWEST_TOLD = 3
# A country's customers count as much as the shop's where there are so many.
STEADY_CUSTOMERS = 50
TOLD = "product_id, product_name, category, is_offered"
# Of products that nobody has bought yet, so many may be in lists: those launched last.
# Each takes as much time and memory as one that sells.
MOST_UNSOLD = 2_000
SCHEMA = pa.schema(
    [
        ("customer_key", pa.string()),
        ("list", pa.string()),
        ("rank", pa.int32()),
        ("product_id", pa.string()),
        ("score", pa.float64()),
        ("model", pa.string()),
        ("reason", pa.string()),
        ("because_product_id", pa.string()),
        ("gap_days", pa.int32()),
        ("recommender_version", pa.string()),
    ]
)


@doorway
def recommend(
    recommenders: Relation,
    purchases: Relation,
    customers: Relation,
    products: Relation,
    brought: Relation,
    dates: Relation,
    tastes: Relation,
    vectors: Relation,
    length: int,
    views: Relation | None = None,
) -> pa.Table | ByBatch:
    """Rank products for all customers on the scoring date.

    The last accepted row of `recommenders` ranks, or what learns nothing. `purchases`
    are rows of product_purchases, `customers` of dim_customers, `products` of
    offered_products, `brought` of dim_product_vectors, `dates` of as_of_dates, `tastes`
    of customer_vectors, `vectors` of product_vectors and `views` of product_views.
    Without any purchase of a product there are no rows.
    """
    (day,) = dates.filter("is_scoring_date").aggregate("max(as_of_date)").fetchall()[0]
    (rows,) = purchases.aggregate("count(*)").fetchall()[0]
    if day is None or not rows:
        Progress("recommended_products").say(
            "no customer's order has products, so there is nothing to recommend"
        )
        return SCHEMA.empty_table()
    told = ranked_products(products)
    ids = told["product_id"].combine_chunks().cast(pa.string())
    known_purchases = Purchases.read(purchases, customers, ids)
    accepted = last_accepted(recommenders, day)
    learned = None
    if accepted and accepted.ranker.reads_views and views is not None:
        known_purchases = known_purchases.with_views(
            views.project(VIEWS).to_arrow_reader()
        )
    if accepted:
        today_known = known_purchases.until(days_since_1970(day))
        learned = accepted.weights_for(today_known)
    names, categories = (
        told[name].to_pylist() for name in ("product_name", "category")
    )
    taste = None
    if accepted and accepted.ranker.reads_taste:
        taste = Tastes.read(tastes, vectors, known_purchases, days_since_1970(day))
    likeness = Likeness.of(names, categories)
    if accepted and any(accepted.sources.values()):
        read = read_vectors(brought.project(VECTORS).to_arrow_table(), ids)
        likeness = Likeness.of(names, categories, read).weighing(accepted.sources)
    known = Known.at(known_purchases, days_since_1970(day), learned, likeness, taste)
    ranker: Ranker = accepted.ranker if accepted else HabitThenSimilar()
    offered = told["is_offered"].to_numpy(zero_copy_only=False)
    today = customers.project("customer_key, country").order("customer_key")
    by_country = Countries.of(known, today.to_arrow_table(), offered, length)
    reasons = Reasons.of(known)
    version = accepted.version if accepted else None

    def ranked(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        keys = batch["customer_key"].cast(pa.string())
        places = pc.index_in(keys, known_purchases.customer_keys).to_numpy()
        has_any = np.diff(known.interest.indptr)[places] > 0
        found = []
        for block in blocks(known, places[has_any]):
            lists = lists_of(ranker, block, offered, length)
            found.append(rows_of(block, lists, reasons, ranker, version))
        strangers = batch.filter(pa.array(~has_any))
        return [*found, by_country.rows(strangers)]

    return ByBatch(today, ranked, SCHEMA, BATCH_ROWS)


def ranked_products(products: Relation) -> pa.Table:
    """Return the products that were bought or may be, in order of their ids."""
    told = (
        products.filter("is_offered or customers > 0")
        .project(f"{TOLD}, customers = 0 as is_unsold, launched_date")
        .order("product_id")
        .to_arrow_table()
    )
    unsold = np.flatnonzero(told["is_unsold"].to_numpy())
    launched = told["launched_date"].cast(pa.int32()).fill_null(0).to_numpy()
    newest = np.argsort(-launched[unsold], kind="stable")
    kept = np.ones(told.num_rows, bool)
    kept[unsold[newest[MOST_UNSOLD:]]] = False
    return told.filter(pa.array(kept))


class Reasons:
    """Why a product is recommended to a customer.

    Attributes:
        sources: by product, the products whose purchase speaks for it.
        is_cold: products that nobody has bought yet.

    """

    def __init__(self, sources: sp.csr_matrix, is_cold: Bools) -> None:
        """Keep both."""
        self.sources, self.is_cold = sources, is_cold

    @classmethod
    def of(cls, known: Known) -> "Reasons":
        """Take the learned weights where there are any."""
        learned = known.learned
        weights = learned if isinstance(learned, sp.csr_matrix) else known.similar
        counts = np.bincount(
            known.signals.purchases.product, minlength=weights.shape[1]
        )
        return cls(weights.T.tocsr(), counts == 0)

    def because(self, block: Block, row: Ints, product: Ints) -> Ints:
        """Return which of the customer's products speaks most for each; -1 if none."""
        speaks = block.interest[row].multiply(self.sources[product]).tocsr()
        speaks.sort_indices()
        found = np.full(len(row), -1, np.int64)
        some = np.flatnonzero(np.diff(speaks.indptr))
        if len(some):
            most = np.maximum.reduceat(speaks.data, speaks.indptr[some])
            of = np.repeat(np.arange(len(some)), np.diff(speaks.indptr)[some])
            # Of equals, the product with the smallest place.
            at_most = np.flatnonzero(speaks.data == most[of])
            first = at_most[np.unique(of[at_most], return_index=True)[1]]
            best = speaks.indices[first]
            found[some] = np.where((most > 0) & (best != product[some]), best, -1)
        return found


def rows_of(
    block: Block, lists: Lists, reasons: Reasons, ranker: Ranker, version: str | None
) -> pa.RecordBatch:
    """Return the rows of a block of customers who have bought something."""
    signals = block.known.signals
    parts = []
    for number, name in enumerate(LISTS):
        row, place = np.nonzero(np.isfinite(lists.scores[name]))
        parts.append((np.full(len(row), number), row, place))
    kind, row, place = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.lexsort((place, kind, row))
    kind, row, place = kind[order], row[order], place[order]
    products = np.stack([_wide(lists.products[name], place) for name in LISTS])
    scores = np.stack([_wide(lists.scores[name], place) for name in LISTS])
    product, score = products[kind, row, place], scores[kind, row, place]
    pair = np.full(block.interest.shape, -1, np.int64)
    pair[block.row, block.product] = block.pair
    pair = pair[row, product]
    is_bought = pair >= 0
    count = np.where(is_bought, signals.purchases.days.data[pair], 0)
    because = reasons.because(block, row, product)
    is_told = is_bought & (count >= FEWEST_TOLD)
    is_cold = reasons.is_cold[product]
    is_popular = signals.popularity[product] > 0
    reason = np.select(
        [
            is_told,
            is_bought,
            is_cold & (because >= 0),
            is_cold,
            because >= 0,
            is_popular,
        ],
        ["cycle", "bought", "alike", "unsold", "because", "popular"],
        "liked",
    )
    is_because = ~is_bought & (because >= 0)
    gap = np.where(is_told, np.round(np.nan_to_num(signals.gap[pair])), 0)
    size = len(row)
    ids = signals.purchases.product_ids
    keys = signals.purchases.customer_keys
    return pa.record_batch(
        [
            keys.take(pa.array(block.customers[row])),
            pa.array(np.array(LISTS)[kind]),
            pa.array(place + 1, pa.int32()),
            ids.take(pa.array(product)),
            pa.array(score.astype(np.float64)),
            pa.repeat(ranker.name, size),
            pa.array(reason),
            ids.take(pa.array(because, mask=~is_because)),
            pa.array(np.maximum(gap, 1).astype(np.int32), mask=~is_told),
            pa.repeat(pa.scalar(version, pa.string()), size),
        ],
        schema=SCHEMA,
    )


class Countries:
    """What to show customers who have bought nothing yet: what their country buys."""

    def __init__(
        self, best: dict[str | None, tuple[Ints, Singles]], ids: pa.Array, reason: str
    ) -> None:
        """Keep products and scores by country; None has the shop's, for a reason."""
        self.best, self.ids, self.reason = best, ids, reason

    @classmethod
    def of(
        cls, known: Known, customers: pa.Table, offered: Bools, length: int
    ) -> "Countries":
        """Count buyers of the last 28 days, drawn to the shop's where they are few."""
        signals = known.signals
        bought = np.bincount(signals.purchases.product, minlength=len(offered)) > 0
        popularity = np.where(bought, signals.popularity, 0)
        reason = "popular"
        if not (popularity * offered).any():
            # Nobody bought for 28 days.
            popularity, reason = np.asarray(known.interest.sum(0)).ravel(), "liked"
        shop = popularity / max(float(popularity.sum()), 1)
        country = np.array(customers["country"].to_pylist(), object)
        interest = known.interest
        best: dict[str | None, tuple[Ints, Singles]] = {
            None: _best(shop, offered, length)
        }
        for name in sorted({each for each in country if each is not None}):
            those = np.flatnonzero(country == name)
            fresh = np.asarray(interest[those].sum(0)).ravel()
            share = (fresh + STEADY_CUSTOMERS * shop) / (fresh.sum() + STEADY_CUSTOMERS)
            # What nobody buys any more is not popular, however well it once sold.
            share = np.where(popularity > 0, share, 0)
            best[name] = _best(share, offered, length)
        return cls(best, signals.purchases.product_ids, reason)

    def rows(self, customers: pa.RecordBatch) -> pa.RecordBatch:
        """Return their lists: what is new to them, and that is all there is."""
        countries: Sequence[str | None] = customers["country"].to_pylist()
        each = [self.best[country] for country in countries for _ in range(2)]
        sizes = [len(products) for products, _ in each]
        places = np.repeat(np.arange(len(each)), sizes)
        product = np.concatenate([np.zeros(0, np.int64), *(found for found, _ in each)])
        score = np.concatenate([np.zeros(0), *(found for _, found in each)])
        rank = [place + 1 for size in sizes for place in range(size)]
        is_there = np.array([country is not None for country in countries], bool)
        count = len(places)
        return pa.record_batch(
            [
                customers["customer_key"].cast(pa.string()).take(pa.array(places // 2)),
                pa.array(np.array(LISTS[1:])[places % 2]),
                pa.array(rank, pa.int32()),
                self.ids.take(pa.array(product)),
                pa.array(score.astype(np.float64)),
                pa.repeat(POPULAR, count),
                pa.array(np.where(is_there[places // 2], "popular_there", self.reason)),
                pa.nulls(count, pa.string()),
                pa.nulls(count, pa.int32()),
                pa.nulls(count, pa.string()),
            ],
            schema=SCHEMA,
        )


def _best(share: Floats, offered: Bools, length: int) -> tuple[Ints, Singles]:
    found = np.where(offered, np.round(share.astype(np.float64), 9), -1)
    order = np.lexsort((np.arange(len(found)), -found))[:length]
    order = order[found[order] > 0]
    return order, found[order]


def _wide(values: np.ndarray, place: Ints) -> np.ndarray:
    """Pad the columns of a list that is shorter than the longest one."""
    width = int(place.max(initial=-1)) + 1
    return np.pad(values, ((0, 0), (0, max(width - values.shape[1], 0))))[:, :width]
