"""Recommends as of a past date, beside what customers then bought."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.apart import apart
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from clv_warehouse.project.arrays import Ints
from clv_warehouse.project.days import days_since_1970
from clv_warehouse.recommendations.known import Block, Known
from clv_warehouse.recommendations.likeness import Likeness
from clv_warehouse.recommendations.lists import AGAIN, BOTH, NEW, Lists, lists_of
from clv_warehouse.recommendations.purchases import (
    Purchases,
    sample,
    sample_of_views,
)
from clv_warehouse.recommendations.rankers import (
    FEWEST_BUYERS,
    SIMPLE_RANKERS,
    Ranker,
    Renamed,
    blocks,
)
from clv_warehouse.recommendations.tastes import COLUMNS, Tastes
from clv_warehouse.recommendations.training import (
    TOLD,
    WINDOW,
    known_at,
    learn_ranker,
    likeness_at,
)
from clv_warehouse.recommendations.vectors import VECTORS

LENGTH = "recommended_products"
# The list of products that nobody had bought before the date but somebody did after it.
UNSOLD = "unsold"
# The recommender where products are alike by words alone, beside one with vectors too.
BY_WORDS = "recommender_by_words"
# Their keys are random, so the first ones are a sample.
JUDGED_CUSTOMERS = 2_000
SCHEMA = pa.schema(
    [
        ("origin_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("model", pa.string()),
        ("list", pa.string()),
        ("customer_key", pa.string()),
        ("purchase_days", pa.int32()),
        ("bought_products", pa.int32()),
        ("rank", pa.int32()),
        ("product_id", pa.string()),
        ("is_bought", pa.bool_()),
        ("is_new", pa.bool_()),
        ("buyers_share", pa.float64()),
    ]
)


@doorway
def backtest(
    plan: Plan,
    purchases: Relation,
    products: Relation,
    brought: Relation,
    tastes: Relation,
    vectors: Relation,
    views: Relation,
) -> pa.Table:
    """Judge all models on the window that ends on the as-of date.

    Returns rows of recommendation_backtest; none if no training is due, for then those
    of earlier runs stand.
    """
    if not plan.is_due or plan.as_of_date is None:
        return SCHEMA.empty_table()
    return apart(
        judge,
        plan.as_of_date,
        plan.setting(WINDOW),
        plan.setting(LENGTH),
        purchases=sample(purchases),
        products=products.project(TOLD).order("product_id"),
        brought=brought.project(VECTORS),
        tastes=tastes.project(COLUMNS),
        vectors=vectors,
        views=sample_of_views(views, purchases),
    )


def judge(
    end: date,
    window: int,
    length: int,
    purchases: pa.Table,
    products: pa.Table,
    brought: pa.Table,
    tastes: pa.Table,
    vectors: pa.Table,
    views: pa.Table | None = None,
) -> pa.Table:
    """Judge every model by what customers bought in the `window` days up to `end`."""
    rows = Purchases.from_arrow(purchases, products)
    origin = days_since_1970(end) - window
    before = rows.until(origin)
    if not len(before.day):
        return SCHEMA.empty_table()
    bought = rows.within(origin, origin + window)
    learned_from, read = (
        Tastes.as_of(tastes, vectors, rows, day) for day in (origin - window, origin)
    )
    learned = learn_ranker(rows, origin, window)
    seen = rows if views is None else rows.with_views(views.to_batches())
    others = [learn_ranker(seen, origin, window)] if seen.views else []
    if learned_from and read:
        others.append(learn_ranker(seen, origin, window, learned_from))
    likeness, _ = likeness_at(rows, origin, window, products, brought)
    known = known_at(rows, origin)
    had_interest = np.diff(known.interest.indptr) > 0
    customers = np.flatnonzero((np.diff(bought.bought.indptr) > 0) & had_interest)
    customers = customers[:JUDGED_CUSTOMERS]
    simple: list[Ranker] = [*SIMPLE_RANKERS, *filter(None, [learned])]
    reading: list[Ranker] = list(filter(None, others))
    # What reads views also has weights that were learned from them.
    judged = [(known, simple)]
    if reading:
        judged.append((replace(known_at(seen, origin), tastes=read), reading))
    progress = Progress("recommendation_backtest")
    progress.say(
        f"{window} days from {end - timedelta(window)}: {len(customers)} customers "
        f"judged, {', '.join(each.name for each in (*simple, *reading))}"
    )
    offered = np.bincount(before.product, minlength=before.shape[1]) > 0
    tables = [
        _rows(each.name, kind, lists, block, bought, end - timedelta(window), window)
        for knowing, rankers in judged
        for block in blocks(knowing, customers)
        for each in rankers
        for lists in [lists_of(each, block, offered, length)]
        for kind in lists.products
    ]
    alikes = [(knowing, rankers, likeness) for knowing, rankers in judged]
    if learned and any(likeness.weights.values()):
        by_words: list[Ranker] = [Renamed(learned, BY_WORDS)]
        alikes.append((known, by_words, likeness.weighing({})))
    for knowing, rankers, alike in alikes:
        for block, each, lists in unsold_lists(knowing, rankers, bought, alike, length):
            tables.append(
                _rows(
                    each.name,
                    UNSOLD,
                    lists,
                    block,
                    bought,
                    end - timedelta(window),
                    window,
                )
            )
    return pa.concat_tables([SCHEMA.empty_table(), *tables])


def unsold_lists(
    known: Known,
    rankers: Sequence[Ranker],
    bought: Purchases,
    likeness: Likeness,
    length: int,
) -> Iterator[tuple[Block, Ranker, Lists]]:
    """Rank products first bought after the date, for the customers who bought any.

    There are none where a list would hold them all, or few customers bought any.
    """
    is_unsold = (known.signals.purchases.bought.getnnz(0) == 0) & (
        bought.bought.getnnz(0) > 0
    )
    had_interest = known.interest.getnnz(1) > 0
    buyers = bought.bought[:, is_unsold].getnnz(1) > 0
    customers = np.flatnonzero(buyers & had_interest)[:JUDGED_CUSTOMERS]
    if is_unsold.sum() <= length or len(customers) < FEWEST_BUYERS:
        return
    for block in blocks(known.lent(likeness), customers):
        for each in rankers:
            lists = lists_of(each, block, is_unsold, length)
            yield (
                block,
                each,
                Lists({UNSOLD: lists.products[NEW]}, {UNSOLD: lists.scores[NEW]}),
            )


def _rows(
    model: str,
    kind: str,
    lists: Lists,
    block: Block,
    bought: Purchases,
    origin: date,
    window: int,
) -> pa.Table:
    """Return a list of a model, for each customer and rank."""
    signals = block.known.signals
    is_bought = np.asarray(bought.bought[block.customers].todense()) > 0
    is_new = np.ones_like(is_bought)
    is_new[block.row, block.product] = False
    buyers = np.bincount(
        signals.purchases.bought.indices, minlength=signals.purchases.shape[1]
    )
    wanted = {
        BOTH: is_bought,
        AGAIN: is_bought & ~is_new,
        NEW: is_bought & is_new,
        UNSOLD: is_bought & (buyers == 0),
    }
    row, place = np.nonzero(np.isfinite(lists.scores[kind]))
    product: Ints = lists.products[kind][row, place]
    customer = block.customers[row]
    count = len(row)
    return pa.table(
        [
            pa.repeat(pa.scalar(origin, pa.date32()), count),
            pa.repeat(pa.scalar(window, pa.int32()), count),
            pa.repeat(model, count),
            pa.repeat(kind, count),
            signals.purchases.customer_keys.take(pa.array(customer)),
            pa.array(signals.visits[customer], pa.int32()),
            pa.array(wanted[kind].sum(1)[row], pa.int32()),
            pa.array(place + 1, pa.int32()),
            signals.purchases.product_ids.take(pa.array(product)),
            pa.array(is_bought[row, product]),
            pa.array(is_new[row, product]),
            pa.array(buyers[product] / max(signals.purchases.shape[0], 1)),
        ],
        schema=SCHEMA,
    )
