"""Measures what the encoder adds, out of time, on Online Retail II and a made-up shop.

As in a build, one encoder ends a window before a date, and the next goes on from it up
to the date. The recommender learns from the vectors of the first as of its last day,
and is judged by the window after the date with those of the next. Systems are compared
customer by customer; intervals are bootstrapped over customers, each the mean over the
seeds.

The chance of buying is judged likewise: a head on what features say, with and without
the encoder's own chances. So are lookalikes: the customers whose vectors are closest to
those of some of the best customers, by what they spend in the 91 days after the date,
beside those closest by recency, frequency and amount, and beside any.

What it adds in a made-up shop whose customers are watched, and what a shop of each size
can expect, is in encoder_shop.py. What heads say is in encoder_heads.py, and what it
adds to forecasts of value in encoder_value.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks import encoder_heads, encoder_value
from benchmarks.data import DATA, ONLINE_RETAIL_II, absent
from benchmarks.encoder_shop import (
    AS_OF,
    PEOPLE,
    SCALED_PEOPLE,
    SCALED_SEED,
    judged_shop,
    scaled,
)
from benchmarks.harness import FOLDER, Row, Run, call, rows
from benchmarks.outside_heads import (
    RESAMPLES,
    Before,
    area,
    chances_of,
    features,
    interval,
)
from benchmarks.recommendations import (
    LENGTH,
    ORIGINS,
    SYSTEM,
    WINDOW,
    FixedBlend,
    measured,
    read_retail,
)
from benchmarks.shop import REPORTED_SEED, make_watched_shop
from clv_warehouse.encoder.histories import AMOUNT, Histories, ask
from clv_warehouse.encoder.network import Encoder
from clv_warehouse.encoder.pretraining import Shape, bought_within, train
from clv_warehouse.encoder.vectors import product_vectors, vectors
from clv_warehouse.project.arrays import Bools, Floats, Singles
from clv_warehouse.project.days import days_since_1970
from clv_warehouse.recommendations.known import Block, Known
from clv_warehouse.recommendations.neighbours import learn
from clv_warehouse.recommendations.purchases import Purchases
from clv_warehouse.recommendations.rankers import LEARNED, Learned, Popular, Ranker
from clv_warehouse.recommendations.tastes import Tastes

CASES = ("online_retail_ii", "shop", "scaling", "heads", "value")
SEEDS = (11, 12, 13)
LOOKALIKES, LOOKALIKE_DAYS = 200, 91
# The lines of recommendations.py, as rows of customer_sequences.
RETAIL = """
    with lines as (
        select
            cast(cast(cast("Customer ID" as double) as integer) as varchar)
                as customer_key,
            cast(InvoiceDate as date) as activity_date,
            upper(StockCode) as product_id,
            sum(Quantity * Price) as amount
        from '{}'
        where
            "Customer ID" is not null and Quantity > 0 and Price > 0
            and not regexp_matches(Invoice, '^[CA]')
            and regexp_matches(StockCode, '^[0-9]{{5}}')
        group by all
    ),

    days as (
        select
            customer_key,
            activity_date,
            true as is_purchase,
            sum(amount) as amount,
            0 as returned_amount,
            0 as views,
            0 as carts,
            0 as searches,
            0 as reviews,
            0 as rating,
            0 as contacts,
            list(product_id order by amount desc, product_id)[:60] as product_ids,
            cast([] as varchar[]) as viewed_product_ids
        from lines
        group by all
    )

    select customer_key, list(days order by activity_date) as days
    from days
    group by customer_key
    order by customer_key
"""


@dataclass(frozen=True)
class TasteAlone:
    """The encoder's tastes and popularity, and nothing else."""

    name: str = "encoder_alone"

    def score(self, block: Block) -> tuple[Singles, Singles]:
        """Score all products by their log-chance."""
        return block.taste[block.row, block.product], block.taste


def benchmark(
    cases: Sequence[str] = CASES,
    origins: Sequence[str] = ORIGINS,
    seeds: Sequence[int] = SEEDS,
    data: Path = DATA,
    people: int = encoder_value.PEOPLE,
    folder: Path = FOLDER,
) -> Iterator[Row]:
    """Measure the cases, all seeds of a date or a shop in a process of their own.

    `people` are those of the shop of case `value`.
    """
    source = data / ONLINE_RETAIL_II
    texts = [str(each) for each in seeds]
    if "online_retail_ii" in cases and not source.exists():
        print(absent(source))
    elif "online_retail_ii" in cases:
        for origin in origins:
            done = call(judged, source, origin, texts)
            yield from (Row(*row) for row in done.value)
            yield from rows(done.value[0][0], SYSTEM, {"peak_mb": done.cost["peak_mb"]})
    if "shop" in cases:
        shop = make_watched_shop(PEOPLE, REPORTED_SEED, AS_OF, folder / "cache")
        yield from _of_shop(call(judged_shop, shop, texts, f"shop/{PEOPLE}"))
    if "scaling" in cases:
        shop = make_watched_shop(SCALED_PEOPLE, SCALED_SEED, AS_OF, folder / "cache")
        yield from _of_shop(call(scaled, shop))
    if "heads" in cases:
        yield from encoder_heads.benchmark(origins, seeds, data, folder)
    if "value" in cases:
        yield from encoder_value.benchmark(seeds, people, folder)


def _of_shop(done: Run) -> Iterator[Row]:
    yield from (Row(*row) for row in done.value)
    yield from rows(done.value[0][0], "process", done.cost)


def read_histories(source: str, product_ids: pa.Array) -> Histories:
    """Read the days of purchases of Online Retail II."""
    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.sql(RETAIL.format(source)).to_arrow_table()
    return Histories.from_arrow(found, product_ids)


def judged(source: str, origin: str, seeds: list[str]) -> list[tuple]:
    """Judge all systems by the window after a date; return rows."""
    import time

    purchases = read_retail(source)
    histories = read_histories(source, purchases.product_ids)
    day = days_since_1970(date.fromisoformat(origin))
    before, now = (
        Known.at(purchases, each, learn(purchases.until(each).bought))
        for each in (day - WINDOW, day)
    )
    truth = purchases.within(day, day + WINDOW).bought
    had = now.signals.purchases.bought
    customers = np.flatnonzero((np.diff(truth.indptr) > 0) & (np.diff(had.indptr) > 0))

    def of(ranker: Ranker, known: Known) -> dict[str, Floats]:
        return measured(ranker, known, customers, truth, (LENGTH,))

    bought = purchases.within(day - WINDOW, day)
    without = Learned.fit(before, bought)
    assert without is not None
    found = {
        LEARNED: of(without, now),
        "ease_live": of(FixedBlend(0.0, "ease_live"), now),
        "fixed_blend": of(FixedBlend(1.0, "fixed_blend"), now),
        "popular": of(Popular(), now),
    }
    mine: list[dict[str, Floats]] = []
    alone: list[dict[str, Floats]] = []
    chances: list[dict[str, Floats]] = []
    found_alike: dict[str, list[float]] = {}
    seconds = []
    for seed in map(int, seeds):
        start = time.process_time()
        early = train(histories, day - WINDOW, Shape(seed=seed))
        middle = time.process_time()
        later = train(histories, day, Shape(seed=seed).going_on(), first=early)
        seconds.append((middle - start, time.process_time() - middle))
        read = [
            replace(known, tastes=tastes_of(encoder, histories, purchases))
            for known, encoder in ((before, early), (now, later))
        ]
        with_taste = Learned.fit(read[0], bought, reads_taste=True)
        assert with_taste is not None
        mine.append(of(with_taste, read[1]))
        alone.append(of(TasteAlone(), read[1]))
        chances.append(chance_heads((early, later), histories))
        for system, spend in lookalikes(later, histories, seed).items():
            found_alike.setdefault(system, []).append(spend)
    case = f"online_retail_ii/{origin}"
    found[SYSTEM], found["encoder_alone"] = _mean(mine), _mean(alone)
    result: list[tuple] = []
    for system, values in found.items():
        for name, each in values.items():
            result.append((case, system, name, float(each.mean())))
            if system != SYSTEM:
                continue
            for rival in (LEARNED, "ease_live", "fixed_blend"):
                low, high = interval(each - found[rival][name])
                gain = float((each - found[rival][name]).mean())
                result += [
                    (case, system, f"{name}_over_{rival}", gain),
                    (case, system, f"{name}_over_{rival}_low", low),
                    (case, system, f"{name}_over_{rival}_high", high),
                ]
    for system, spends in found_alike.items():
        result.append((case, system, "lookalikes_spend_91d", float(np.mean(spends))))
    early_seconds, later_seconds = np.mean(seconds, 0)
    result += [
        (case, SYSTEM, "first_cpu_seconds", float(early_seconds)),
        (case, SYSTEM, "next_cpu_seconds", float(later_seconds)),
    ]
    return result + [(case, *row) for row in _of_chances(chances)]


def tastes_of(
    encoder: Encoder, histories: Histories, purchases: Purchases
) -> Tastes | None:
    """Read an encoder's vectors as of its last day, as a build would."""
    customers = vectors(encoder, histories, encoder.end, everyone(histories))
    return Tastes.as_of(
        pa.Table.from_batches([customers]),
        product_vectors(encoder),
        purchases,
        encoder.end,
    )


def everyone(histories: Histories) -> Bools:
    """All customers, as a choice."""
    return np.ones(len(histories.start) - 1, bool)


def chance_heads(chain: Sequence[Encoder], histories: Histories) -> dict[str, Floats]:
    """Chances of a purchase in the window after a day, by two heads, and the truth.

    Both learn from the window before: one from features, the other also from the
    encoder's chances.
    """
    numbers, happened = [], []
    for encoder in chain:
        customers = histories.begun_by(encoder.end)
        read = encoder.read(histories)
        days = np.full(len(customers), encoder.end)
        log_odds = encoder.states(ask(read, customers, days, encoder.scale))[2][:, :2]
        known = features(histories, customers, encoder.end)
        numbers.append(np.column_stack([known, log_odds]))
        bought = bought_within(histories, customers, encoder.end, WINDOW)
        happened.append(np.diff(bought.indptr) > 0)
    found: dict[str, Floats] = {"happened": happened[1].astype(float)}
    for name, count in (("features", -2), ("features_and_encoder", None)):
        before = Before(numbers[0][:, :count], happened[0])
        found[name] = chances_of(before, numbers[1][:, :count])
    return found


def lookalikes(encoder: Encoder, histories: Histories, seed: int) -> dict[str, float]:
    """Spend per customer of those most like some of the best, in the days after."""
    day, draw = encoder.end, np.random.default_rng(seed)
    customers = histories.begun_by(day)
    spent = _spend(histories, day - 365, day)[customers]
    best = np.flatnonzero(spent >= np.quantile(spent, 0.9))
    seeds = draw.choice(best, len(best) // 2, replace=False)
    others = np.setdiff1d(np.arange(len(customers)), seeds)
    read = encoder.read(histories)
    asked = ask(read, customers, np.full(len(customers), day), encoder.scale)
    states = encoder.states(asked)[0]
    of_rfm = features(histories, customers, day)[:, [1, 14, 15]]
    of_rfm = (of_rfm - of_rfm.mean(0)) / of_rfm.std(0)
    vectors = states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-9)
    scores = {
        "lookalikes_by_vector": vectors @ vectors[seeds].mean(0),
        "lookalikes_by_rfm": -((of_rfm - of_rfm[seeds].mean(0)) ** 2).sum(1),
        "lookalikes_by_chance": draw.random(len(customers)),
    }
    later = _spend(histories, day, day + LOOKALIKE_DAYS)[customers]
    return {
        name: float(later[others[np.argsort(-each[others])[:LOOKALIKES]]].mean())
        for name, each in scores.items()
    }


def _spend(histories: Histories, after: int, until: int) -> Floats:
    """What each customer spent after a day and up to another."""
    within = (histories.day > after) & (histories.day <= until)
    amounts = histories.numbers[within, AMOUNT]
    count = len(histories.start) - 1
    return np.bincount(histories.customer[within], amounts, count).astype(np.float64)


def _of_chances(chances: Sequence[dict[str, Floats]]) -> list[tuple]:
    happened = chances[0]["happened"] > 0
    mean = {
        name: np.mean([each[name] for each in chances], axis=0)
        for name in ("features", "features_and_encoder")
    }
    draw = np.random.default_rng(1)
    gains = []
    for _ in range(RESAMPLES // 4):
        drawn = draw.integers(0, len(happened), len(happened))
        gains.append(
            np.mean(
                [
                    area(happened[drawn], each["features_and_encoder"][drawn])
                    - area(happened[drawn], each["features"][drawn])
                    for each in chances
                ]
            )
        )
    low, high = np.percentile(gains, [2.5, 97.5])
    found = [
        (name, "auc_of_buying", float(area(happened, each)))
        for name, each in mean.items()
    ]
    name = "features_and_encoder"
    return [
        *found,
        (name, "auc_of_buying_over_features", float(np.mean(gains))),
        (name, "auc_of_buying_over_features_low", float(low)),
        (name, "auc_of_buying_over_features_high", float(high)),
    ]


def _mean(each: Sequence[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.mean([of[name] for of in each], axis=0) for name in each[0]}
