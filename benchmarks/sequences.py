"""Ranks the next item of sequences, last item out, beside a rival like SASRec.

Each customer's last item is judged and the one before it chooses; all items are ranked,
but for those that the customer had, where hardly anybody takes an item twice. No
weights learn from either item, save the few with which the recommender blends: they are
fitted on the last but one. Files are those of --data (sequence_files.py says in which
forms); without it, the last twelve first purchases of customers of two public sets.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from benchmarks.data import (
    DATA,
    ONLINE_RETAIL_II,
    TAFENG,
    absent,
)
from benchmarks.harness import Row, call, rows
from benchmarks.sequence_files import (
    BASE,
    BadFileError,
    Lines,
    Sequences,
    files_in,
    name_of,
    read_file,
)
from clv_warehouse.encoder.pretraining import Shape, train
from clv_warehouse.encoder.vectors import product_vectors, vectors
from clv_warehouse.project.arrays import Floats, Ints, Singles
from clv_warehouse.recommendations.known import Known
from clv_warehouse.recommendations.neighbours import learn
from clv_warehouse.recommendations.rankers import (
    Learned,
    Similar,
)
from clv_warehouse.recommendations.tastes import Tastes

LENGTH = 10
# An item stands for so many days: interest in it falls to .7 with each that follows.
# On Online Retail II the encoder ranks the last but one better with 91 than with 28
# (recall .265 and .238), and so does EASE (.253 and .223).
STEP = 91
POPULAR, SIMILAR, EASE = "popular", "similar", "ease"
ENCODER, RECOMMENDER, WITH_TASTE = "encoder", "recommender", "recommender_with_taste"
ATTENTION = "attention"
SYSTEMS = (POPULAR, SIMILAR, EASE, ENCODER, RECOMMENDER, WITH_TASTE, ATTENTION)
# Below this share of customers who take an item again, nobody is shown one again.
FEW = 0.01
VECTORS = "vectors.npz"
# The last twelve first purchases of customers: as few as in sets of reviews.
PUBLIC = {
    "online_retail_ii": (
        ONLINE_RETAIL_II,
        """
        select
            cast(cast(cast("Customer ID" as double) as integer) as varchar) as customer,
            upper(StockCode) as item,
            min(epoch(InvoiceDate)) as time,
            min(file_row_number) as place
        from read_parquet('{}', file_row_number = true)
        where
            "Customer ID" is not null and Quantity > 0 and Price > 0
            and InvoiceDate >= '2011-06-09' and not regexp_matches(Invoice, '^[CA]')
            and regexp_matches(StockCode, '^[0-9]{{5}}')
        group by all
        """,
    ),
    "tafeng": (
        TAFENG,
        """
        select
            cast(customer as varchar) as customer,
            cast(product as varchar) as item,
            min(basket) as time,
            min(file_row_number) as place
        from read_parquet('{}', file_row_number = true)
        where customer % 3 = 0
        group by all
        """,
    ),
}


def benchmark(
    data: Sequence[Path] = (), systems: Sequence[str] = SYSTEMS, customers: int = 0
) -> Iterator[Row]:
    """Measure each set with each system, in processes of their own."""
    try:
        given = [(name_of(path), path) for path in files_in(data)]
    except BadFileError as error:
        raise RuntimeError(str(error)) from error
    if not data:
        given = [(name, DATA / path) for name, (path, _) in PUBLIC.items()]
    for name, path in given:
        if not path.exists():
            print(absent(path))
            continue
        with tempfile.TemporaryDirectory() as folder:
            public = "" if data else name
            told = call(prepared, path, folder, public, customers).value
            if isinstance(told, str):
                raise RuntimeError(told)
            case = f"sequences/{name}"
            yield from rows(case, "sequences", told)
            # The encoder comes first: the recommender reads its vectors.
            for system in sorted(systems, key=lambda each: each == WITH_TASTE):
                if system == WITH_TASTE and ENCODER not in systems:
                    continue
                done = call(judged, folder, system)
                costs = {each: done.cost[each] for each in ("cpu_seconds", "peak_mb")}
                yield from rows(case, system, done.value | costs)


def prepared(
    source: str, folder: str, public: str, most: int = 0
) -> dict[str, float] | str:
    """Read a set, write it into a folder, and say how large it is, or what is wrong.

    Of more than `most` customers every second, third and so on is read.
    """
    try:
        lines = _public(source, public) if public else read_file(Path(source))
        sequences = Sequences.of(lines.of_some(most) if most else lines)
    except BadFileError as error:
        text = str(error)
        return text if source in text else f"{source}: {text}"
    sequences.write(Path(folder) / "sequences.npz")
    customers = len(sequences.customer_keys)
    return {
        "customers": customers,
        "items": len(sequences.product_ids),
        "items_a_customer": len(sequences.customer) / customers,
        "taken_again": float(sequences.repeats().mean()),
    }


def _public(source: str, name: str) -> Lines:
    with duckdb.connect(config={"threads": 1}) as connection:
        first = PUBLIC[name][1].format(source)
        found = connection.sql(LATEST.format(first)).fetchnumpy()
    users, items = (found[each].astype(str).tolist() for each in ("customer", "item"))
    return Lines(users, items, found["time"].astype(float))


def judged(folder: str, system: str) -> dict[str, float]:
    """Recall and NDCG of a system's lists for the last item, and for the one before."""
    sequences = Sequences.read(Path(folder) / "sequences.npz")
    found: dict[str, float] = {}
    for name, chooses, score in SCORED[system](sequences, Path(folder)):
        ranks = ranked(sequences, score, chooses)
        prefix = f"{name}_" if name else ""
        prefix += "chosen_by_" if chooses else ""
        found |= {f"{prefix}{key}": each for key, each in measures(ranks).items()}
    return found


def measures(ranks: Floats) -> dict[str, float]:
    """Recall and NDCG of lists that hold one right item at a rank from 0."""
    hits = ranks < LENGTH
    gains = hits / np.log2(ranks + 2)
    return {
        f"recall_at_{LENGTH}": float(hits.mean()),
        f"ndcg_at_{LENGTH}": float(gains.mean()),
    }


# Of each customer the last twelve: sets of reviews have as few.
LATEST = """
    select customer, item, time
    from ({})
    qualify row_number() over (
        partition by customer order by time desc, place desc
    ) <= 12
    order by place
"""


# What scores all items for some customers, shape (c, items).
Score = Callable[[Ints], Singles]


def ranked(
    sequences: Sequences, score: Score, chooses: bool, most: int = 1 << 31
) -> Floats:
    """Rank each customer's last item, or last but one; of equal ones the middle."""
    wanted = sequences.last_but_one() if chooses else sequences.last()
    had = _had(sequences, 1 if chooses else 0)
    hides = sequences.repeats().mean() < FEW
    items = len(sequences.product_ids)
    size = max((1 << 22) // items, 1)
    found = [np.zeros(0)]
    everyone = np.arange(len(wanted))[:most]
    for start in range(0, len(everyone), size):
        customers = everyone[start : start + size]
        scores = np.array(score(customers), np.float32)
        right = scores[np.arange(len(customers)), wanted[customers]][:, None]
        if hides:
            before = had[customers]
            row = np.repeat(np.arange(len(customers)), np.diff(before.indptr))
            scores[row, before.indices] = -np.inf
        above = (scores > right).sum(1)
        equal = (scores == right).sum(1) - 1
        found.append(above + np.maximum(equal, 0) / 2)
    return np.concatenate(found)


def _had(sequences: Sequences, last: int) -> sp.csr_matrix:
    """1 where a customer had an item, the newest `last` + 1 left out."""
    kept = sequences.back > last
    shape = (len(sequences.customer_keys), len(sequences.product_ids))
    places = (sequences.customer[kept], sequences.item[kept])
    return sp.csr_matrix((np.ones(int(kept.sum()), np.float32), places), shape)


# By system: what it is named, whether the last but one is ranked, and its scores.
Scored = Iterator[tuple[str, bool, Score]]


def popular(sequences: Sequences, folder: Path) -> Scored:
    """Count takers of each item."""
    counts = np.asarray(_had(sequences, 1).sum(0)).ravel()
    yield "", False, lambda customers: np.tile(counts, (len(customers), 1))


@dataclass(frozen=True)
class Moments:
    """What was known before the last but one, and before the last.

    Weights and popularity are those of the first in both.
    """

    before: Known
    now: Known

    @classmethod
    def of(cls, sequences: Sequences, learns: bool = True) -> "Moments":
        purchases = sequences.purchases(STEP)
        weights = None
        if learns:
            weights = learn(purchases.until(BASE - STEP).bought)
        before = Known.at(purchases, BASE - STEP, weights)
        now = Known.at(purchases, BASE, weights)
        signals = replace(
            now.signals,
            of_products=before.signals.of_products,
            popularity=before.signals.popularity,
        )
        return cls(before, replace(now, signals=signals, similar=before.similar))

    def with_tastes(self, folder: Path) -> "Moments":
        with np.load(folder / VECTORS) as found:
            before, now = (
                Tastes(found[name], found["products"], found["is_known"])
                for name in ("before", "now")
            )
        return Moments(
            replace(self.before, tastes=before), replace(self.now, tastes=now)
        )


def similar(sequences: Sequences, folder: Path) -> Scored:
    """The shop's similar products of what a customer took last."""
    moments = Moments.of(sequences, learns=False)
    ranker = Similar()
    yield "", False, lambda customers: ranker.score(moments.now.block(customers))[1]


def ease(sequences: Sequences, folder: Path) -> Scored:
    """EASE, or the graph filter where there are too many items for it."""
    moments = Moments.of(sequences)
    yield "", False, lambda customers: moments.now.block(customers).learned


def recommender(sequences: Sequences, folder: Path) -> Scored:
    """The shop's recommender without the encoder."""
    yield from _blended(sequences, Moments.of(sequences), reads_taste=False)


def with_taste(sequences: Sequences, folder: Path) -> Scored:
    """The shop's recommender with the encoder."""
    moments = Moments.of(sequences).with_tastes(folder)
    yield from _blended(sequences, moments, reads_taste=True)


def _blended(sequences: Sequences, moments: Moments, reads_taste: bool) -> Scored:
    bought = sequences.purchases(STEP).within(BASE - STEP, BASE)
    ranker = Learned.fit(moments.before, bought, reads_taste)
    assert ranker is not None

    def score(customers: Ints) -> Singles:
        block = moments.now.block(customers)
        again, new = ranker.score(block)
        new[block.row, block.product] = again
        return new

    yield "", False, score


def encoder(sequences: Sequences, folder: Path) -> Scored:
    """The encoder alone; leaves what it says in the folder."""
    histories = sequences.histories(STEP)
    end = BASE - STEP
    known = len(sequences.customer) / len(sequences.customer_keys)
    # On the last item but one of both public sets a wider network that forgets more is
    # better, and three times are enough where each sequence is read both ways.
    shape = Shape(
        size=128,
        dropout=0.5,
        window=STEP,
        step_days=STEP,
        dates=len(np.unique(sequences.back)),
        customers=max(int(512 / known), 8),
        epochs=3,
        steps=1 << 30,
        is_timeless=True,
    )
    model = train(histories, end, shape)
    purchases = sequences.purchases(STEP)
    everyone = np.ones(len(sequences.customer_keys), bool)
    tastes = []
    for day in (end, BASE):
        of_customers = vectors(model, histories, day, everyone)
        read = Tastes.as_of(
            pa.Table.from_batches([of_customers]),
            product_vectors(model),
            purchases,
            day,
        )
        assert read is not None
        tastes.append(read)
    np.savez(
        folder / VECTORS,
        before=tastes[0].customers,
        now=tastes[1].customers,
        products=tastes[0].products,
        is_known=tastes[0].is_known,
    )
    counts = np.asarray(_had(sequences, 1).sum(0)).ravel()
    for chooses, each in ((True, tastes[0]), (False, tastes[1])):

        def score(customers: Ints, each: Tastes = each) -> Singles:
            return each.log_chances(each.customers[customers], counts)

        yield "", chooses, score


def attention(sequences: Sequences, folder: Path) -> Scored:
    """The rival."""
    from benchmarks.attention import Attention, trained

    ends = np.searchsorted(
        sequences.customer, np.arange(1, len(sequences.customer_keys) + 1)
    )
    whole = np.split(sequences.item, ends[:-1])

    def judge(scores: Callable[[list[Ints]], Singles]) -> float:
        ranks = ranked(
            sequences,
            lambda customers: scores([whole[place][:-2] for place in customers]),
            chooses=True,
            most=4_000,
        )
        return measures(ranks)[f"ndcg_at_{LENGTH}"]

    scores = trained(
        [each[:-2] for each in whole], len(sequences.product_ids), Attention(), judge
    )
    yield (
        "",
        False,
        lambda customers: scores([whole[place][:-1] for place in customers]),
    )


SCORED: dict[str, Callable[[Sequences, Path], Scored]] = {
    POPULAR: popular,
    SIMILAR: similar,
    EASE: ease,
    ENCODER: encoder,
    RECOMMENDER: recommender,
    WITH_TASTE: with_taste,
    ATTENTION: attention,
}
