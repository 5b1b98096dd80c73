"""Learns a recommender from what customers bought in the last window."""

import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pyarrow as pa

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.acceptance import (
    Measures,
    judged_cases,
)
from clv_warehouse.learning.apart import apart
from clv_warehouse.learning.fingerprints import data_fingerprint
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from clv_warehouse.learning.registry import SCHEMA, new_row
from clv_warehouse.project.days import days_since_1970
from clv_warehouse.recommendations.known import Known
from clv_warehouse.recommendations.likeness import Likeness
from clv_warehouse.recommendations.neighbours import learn
from clv_warehouse.recommendations.purchases import (
    Purchases,
    sample,
    sample_of_views,
)
from clv_warehouse.recommendations.rankers import LEARNED, WITH_TASTE, Learned
from clv_warehouse.recommendations.registry import decide, mean_measures, to_bytes
from clv_warehouse.recommendations.tastes import COLUMNS, Tastes
from clv_warehouse.recommendations.vectors import (
    VECTORS,
    Judged,
    judge_vectors,
    measures_of,
    read_vectors,
)

WINDOW = "recommendation_days"
# What is read of products: how they are alike.
TOLD = "product_id, product_name, category"
# The measures by which a recommender is accepted are those of this list, for everybody.
JUDGED = "list = 'both' and customer_group = 'all'"


@doorway
def trained(
    plan: Plan,
    metrics: Relation,
    purchases: Relation,
    products: Relation,
    brought: Relation,
    tastes: Relation,
    vectors: Relation,
    views: Relation,
) -> pa.Table:
    """Return a new row of recommender, if a training is due, and none otherwise.

    `metrics` are rows of recommendation_metrics, `purchases` of product_purchases,
    `products` of offered_products, `brought` of dim_product_vectors, `tastes` of
    customer_vectors, `vectors` of product_vectors and `views` of product_views. There
    is none either if there is nothing to learn from.
    """
    if not plan.is_due or plan.as_of_date is None:
        return SCHEMA.empty_table()
    progress = Progress(LEARNED)
    progress.say(f"training, because: {plan.reason}")
    row = apart(
        trained_row,
        plan,
        judged_cases(metrics.filter(JUDGED), plan.as_of_date),
        purchases=sample(purchases),
        products=products.project(TOLD).order("product_id"),
        brought=brought.project(VECTORS),
        tastes=tastes.project(COLUMNS),
        vectors=vectors,
        views=sample_of_views(views, purchases),
    )
    if row.num_rows:
        progress.say(row["decision"][0].as_py())
    else:
        progress.say("too few customers bought products to learn from")
    return row


def trained_row(
    plan: Plan,
    cases: list[Measures],
    purchases: pa.Table,
    products: pa.Table,
    brought: pa.Table,
    tastes: pa.Table,
    vectors: pa.Table,
    views: pa.Table | None = None,
) -> pa.Table:
    """Learn weights as of today and how the last window's customers chose."""
    assert plan.as_of_date is not None
    known = Purchases.from_arrow(purchases, products)
    today, window = days_since_1970(plan.as_of_date), plan.setting(WINDOW)
    decision, name = decide(cases)
    taste = Tastes.as_of(tastes, vectors, known, today - window)
    likeness, judged = likeness_at(known, today, window, products, brought)
    if views is not None and name != LEARNED:
        known = known.with_views(views.to_batches())
    ranker = learn_ranker(known, today, window, taste if name == WITH_TASTE else None)
    if ranker is None:
        return SCHEMA.empty_table()
    weights = learn(known.until(today).touched)
    return new_row(
        plan,
        decision,
        to_bytes(ranker, weights, known.product_ids, likeness.weights),
        config=json.dumps({"settings": json.loads(plan.settings)}),
        prior="{}",
        data_fingerprint=data_fingerprint(
            [
                *_arrays(known),
                *([taste.customers, taste.products] if taste else []),
                *(likeness.vectors[each] for each in sorted(likeness.vectors)),
            ]
        ),
        measures=json.dumps(mean_measures(cases) | measures_of(judged)),
        history="",
    )


def learn_ranker(
    purchases: Purchases, day: int, window: int, tastes: Tastes | None = None
) -> Learned | None:
    """Learn from the window that ends on a day; None if too few bought in it.

    The item-to-item weights, the signals and `tastes`, if they are to be read, are as
    of the day before the window.
    """
    before = purchases.until(day - window)
    if not len(before.day):
        return None
    known = replace(known_at(purchases, day - window), tastes=tastes)
    bought = purchases.within(day - window, day)
    return Learned.fit(known, bought, reads_taste=tastes is not None)


def likeness_at(
    purchases: Purchases, day: int, window: int, products: pa.Table, vectors: pa.Table
) -> tuple[Likeness, list[Judged]]:
    """Say how alike products are, with the vectors that helped in the window to a day.

    `products` are rows of offered_products in order of their ids, and `vectors` of
    dim_product_vectors. Where there are no vectors, nothing is judged.
    """
    names, categories = (
        products[name].to_pylist() for name in ("product_name", "category")
    )
    read = read_vectors(vectors, purchases.product_ids)
    likeness = Likeness.of(names, categories, read)
    if not read or not len(purchases.until(day - window).day):
        return likeness, []
    known = known_at(purchases, day - window)
    bought = purchases.within(day - window, day)
    found = judge_vectors(known, bought, likeness)
    for each in found[1]:
        Progress(LEARNED).say(each.text)
    return found


# The last answers of known_at, by a fingerprint of what it was asked.
_LAST: dict[str, Known] = {}


def known_at(purchases: Purchases, day: int) -> Known:
    """Find what was known at the end of a day, and learn weights from it.

    The last answers are kept: the training that follows a backtest in the same process
    asks for the same day, and would take as long again.
    """
    asked = data_fingerprint([*_arrays(purchases), np.array([day])])
    if asked not in _LAST:
        # A backtest asks with what customers looked at, and without it.
        if len(_LAST) > 1:
            _LAST.pop(next(iter(_LAST)))
        _LAST[asked] = Known.at(purchases, day, learn(purchases.until(day).touched))
    return _LAST[asked]


def _arrays(purchases: Purchases) -> list[Any]:
    """Return all that they say, for a fingerprint."""
    of_views = [] if purchases.views is None else _arrays(purchases.views)
    names = [each.name for each in fields(purchases) if each.name != "views"]
    return [*(getattr(purchases, name) for name in names), *of_views]
