"""Measures the recommendations on public data, beside simple and published models.

On Online Retail II they are judged on what customers bought in the 28 days after three
dates; on Gowalla, which has no dates, the item-to-item weights alone are, on the split
of the LightGCN paper; on Ta Feng on the next basket. Intervals are bootstrapped over
customers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from benchmarks.data import DATA, ONLINE_RETAIL_II, absent
from benchmarks.harness import Row, call, rows
from clv_warehouse.project.arrays import Bools, Floats, Ints, Singles
from clv_warehouse.recommendations.known import Block, Known
from clv_warehouse.recommendations.lists import AGAIN, BOTH, NEW, lists_of
from clv_warehouse.recommendations.neighbours import learn
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.rankers import (
    LEARNED,
    SIMPLE_RANKERS,
    Learned,
    Ranker,
    blocks,
)

WINDOW = 28
ORIGINS = ("2011-11-11", "2011-08-12", "2011-03-11")
SYSTEM = "clv_warehouse"
LENGTH = 20
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


def benchmark(
    cases: Sequence[str] = ("online_retail_ii", "gowalla", "tafeng", "size"),
    data: Path = DATA,
) -> Iterator[Row]:
    """Measure the cases whose data are there."""
    if "online_retail_ii" in cases:
        yield from _if_there(data / ONLINE_RETAIL_II, retail, ORIGINS)


def _if_there(
    path: Path, function: Callable, arguments: Sequence[str]
) -> Iterator[Row]:
    if not path.exists():
        print(absent(path))
        return
    for argument in arguments:
        done = call(function, path, argument)
        yield from (Row(*row) for row in done.value)
        case = done.value[0][0]
        yield from rows(
            case, SYSTEM, {name: done.cost[name] for name in ("cpu_seconds", "peak_mb")}
        )


@dataclass(frozen=True)
class FixedBlend:
    """(own + 0.5 EASE) x live popularity: what the trials of the project chose."""

    own: float
    name: str

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score all products."""
        signals = block.known.signals
        live = np.sqrt(signals.popularity / max(signals.popularity.max(), 1))
        found = _to_one(block.going_with(block.known.learned))
        found *= 0.5 if self.own else 1
        own = np.zeros_like(found)
        own[block.row, block.product] = np.log1p(signals.habit[block.pair])
        found += self.own * _to_one(own)
        found *= live
        return found[block.row, block.product], found


def retail(source: str, origin: str) -> list[tuple]:
    """Judge all models on what customers of Online Retail II bought after a date."""
    purchases = read_retail(source)
    day = date.fromisoformat(origin).toordinal() - date(1970, 1, 1).toordinal()
    case = f"online_retail_ii/{origin}"
    return judged(case, purchases, day, WINDOW, (LENGTH,))


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
    before, after = purchases.until(day - window), purchases.within(day - window, day)
    first = Known.at(purchases, day - window, learn(before.bought))
    ranker = Learned.fit(first, after)
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
