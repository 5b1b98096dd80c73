"""Measures what heads that read the encoder add to rules, as a build judges them.

On Online Retail II, on the Complete Journey, which has categories, and on a made-up
shop whose customers are watched. In that shop everybody buys at once, so the purchases
of half of the customers are taken away up to a drawn day: until then they only look
around.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from benchmarks.data import DATA, JOURNEY, ONLINE_RETAIL_II, absent
from benchmarks.encoder_shop import AS_OF, PEOPLE, Shop
from benchmarks.harness import FOLDER, Row, call
from benchmarks.recommendations import ORIGINS, WINDOW, read_retail
from benchmarks.shop import REPORTED_SEED, make_watched_shop
from clv_warehouse.encoder.habits import is_visit, purchase_days
from clv_warehouse.encoder.heads import HEADS, LONG_DAYS
from clv_warehouse.encoder.histories import NUMBERS, PURCHASE, Histories
from clv_warehouse.encoder.network import Encoder
from clv_warehouse.encoder.pretraining import Shape
from clv_warehouse.encoder.training import is_enough, judged_heads, next_of
from clv_warehouse.project.days import days_since_1970

RULE, HEAD = "rule", "head"
# Days after their first for which customers only look around, at most.
MOST_DAYS = 400
# Lines of the Complete Journey as rows of customer_sequences.
LINES = """
    with days as (
        select
            household_id as customer_key,
            cast(transaction_timestamp as date) as activity_date,
            true as is_purchase,
            sum(sales_value) as amount,
            {},
            list(distinct product_id order by product_id)[:60] as product_ids,
            cast([] as varchar[]) as viewed_product_ids
        from '{}/transactions_sample.parquet'
        group by all
    )

    select customer_key, list(days order by activity_date) as days
    from days
    group by customer_key
    order by customer_key
"""


def benchmark(
    origins: Sequence[str] = ORIGINS,
    seeds: Sequence[int] = (11,),
    data: Path = DATA,
    folder: Path = FOLDER,
) -> Iterator[Row]:
    """Judge all heads, each shop in a process of its own."""
    texts = [str(each) for each in seeds]
    if (source := data / ONLINE_RETAIL_II).exists():
        for origin in origins:
            yield from _rows(call(of_retail, source, origin, texts).value)
    else:
        print(absent(source))
    if (source := data / JOURNEY).exists():
        yield from _rows(call(of_journey, source, texts).value)
    else:
        print(absent(source))
    shop = make_watched_shop(PEOPLE, REPORTED_SEED, AS_OF, folder / "cache")
    yield from _rows(call(of_shop, shop, texts).value)


def _rows(found: Sequence[tuple]) -> Iterator[Row]:
    yield from (Row(*each) for each in found)


def of_retail(source: str, origin: str, seeds: list[str]) -> list[tuple]:
    """Judge heads by the window after a date, and by the 91 days until its end."""
    from benchmarks.encoder import read_histories

    histories = read_histories(source, read_retail(source).product_ids)
    day = days_since_1970(date.fromisoformat(origin)) + WINDOW
    return judged(f"heads/online_retail_ii/{origin}", histories, day, {}, seeds)


def of_journey(source: str, seeds: list[str]) -> list[tuple]:
    """Judge heads by the last window of the Complete Journey."""
    none = ", ".join(f"0 as {name}" for name in NUMBERS[2:])
    with duckdb.connect(config={"threads": 1}) as connection:
        rows = connection.sql(LINES.format(none, source)).to_arrow_table()
        categories = dict(
            connection.sql(
                f"select product_id, product_category from '{source}/products.parquet'"
            ).fetchall()
        )
    histories = Histories.from_arrow(rows)
    day = int(histories.day.max())
    return judged("heads/complete_journey", histories, day, categories, seeds)


def of_shop(folder: str, seeds: list[str]) -> list[tuple]:
    """Judge heads by the last window of a made-up shop where many only look around."""
    histories = only_looking(Shop.read(Path(folder)).histories)
    with duckdb.connect(config={"threads": 1}) as connection:
        told = f"select product_id, category from '{folder}/products.parquet'"
        categories = dict(connection.sql(told).fetchall())
    day = days_since_1970(AS_OF) + WINDOW
    return judged(f"heads/shop/{PEOPLE}", histories, day, categories, seeds)


def only_looking(histories: Histories) -> Histories:
    """Take away what half of the customers bought in their first days."""
    draw = np.random.default_rng(1)
    count = len(histories.start) - 1
    first = np.zeros(count, np.int64)
    some = np.flatnonzero(np.diff(histories.start) > 0)
    first[some] = histories.day[histories.start[some]]
    until = first + draw.integers(0, MOST_DAYS, count)
    until[draw.random(count) < 0.5] = 0
    gone = histories.day <= until[histories.customer]
    numbers = histories.numbers.copy()
    for name in ("is_purchase", "amount", "reviews", "rating"):
        numbers[gone, NUMBERS.index(name)] = 0
    kept = sp.diags_array((~gone).astype(np.float32))
    left = replace(
        histories, numbers=numbers, bought=sp.csr_matrix(kept @ histories.bought)
    )
    return left._where((numbers[:, PURCHASE] > 0) | is_visit(left))


def judged(
    case: str,
    histories: Histories,
    today: int,
    categories: dict[str, str | None],
    seeds: Sequence[str],
) -> list[tuple]:
    """Judge heads by the days up to one; return rows.

    CPU seconds of encoders are those of two, by the days of their heads.
    """
    ids = histories.product_ids
    products = pa.table(
        {
            "product_id": ids,
            "category": pa.array(
                [categories.get(each) for each in ids.to_pylist()], pa.string()
            ),
            "customer_days": np.zeros(len(ids), np.int64),
        }
    )
    found: dict[str, list] = {}
    seconds: dict[str, list[float]] = {}
    for seed in map(int, seeds):
        shape = Shape(seed=seed)
        chains: dict[int, dict[int, Encoder]] = {WINDOW: {}, LONG_DAYS: {}}
        for days, chain in chains.items():
            start = time.process_time()
            if is_enough(histories, today, days):
                for back in (2 * days, days):
                    chain[back] = next_of(chain, histories, today - back, shape)
            took = time.process_time() - start
            seconds.setdefault(f"encoders_{days}d_cpu_seconds", []).append(took)
        start = time.process_time()
        both = chains[WINDOW], chains[LONG_DAYS]
        judged_by = list(judged_heads(*both, histories, products, WINDOW))
        took = time.process_time() - start
        seconds.setdefault("cpu_seconds", []).append(took)
        for seen, days, cases in judged_by:
            bought = purchase_days(seen.known)
            for name in HEADS:
                mine = [each for each in cases if each.head == name]
                once = [each for each in mine if bought[each.customer] == 1]
                for group, some in (("", mine), ("one_purchase_", once)):
                    if some:
                        place = f"{group}{name}_{days}d"
                        found.setdefault(place, []).append(some)
    result: list[tuple] = [
        (case, HEAD, name, float(np.mean(each))) for name, each in seconds.items()
    ]
    for measured, by_seed in found.items():
        losses = np.mean([[each.losses for each in some] for some in by_seed], 0)
        gains = losses[:, 0] - losses[:, 1]
        error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
        measure = f"{measured}_log_loss"
        result += [
            (case, RULE, measure, float(losses[:, 0].mean())),
            (case, HEAD, measure, float(losses[:, 1].mean())),
            (case, HEAD, f"{measure}_gain", float(gains.mean())),
            (case, HEAD, f"{measure}_gain_error", error),
            (case, HEAD, f"{measured}_customers", float(len(gains))),
        ]
        listed = [
            np.mean([each.recalls for each in some if each.recalls], 0)
            for some in by_seed
            if any(each.recalls for each in some)
        ]
        if listed:
            for system, value in zip((RULE, HEAD), np.mean(listed, 0), strict=True):
                result.append((case, system, f"{measured}_recall", float(value)))
    return result
