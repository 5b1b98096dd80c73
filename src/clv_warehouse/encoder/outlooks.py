"""What rules and heads say of all customers as of the scoring date."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit

from clv_warehouse.encoder.heads import (
    CATEGORY,
    CHURN,
    FIRST,
    LENGTHS,
    LONG_DAYS,
    PRODUCT,
    REPEAT,
    Heads,
    pairs_of,
)
from clv_warehouse.encoder.histories import Histories
from clv_warehouse.encoder.network import Encoder
from clv_warehouse.encoder.seen import Catalogue, Seen, softmax
from clv_warehouse.encoder.training import ENCODER, heads_of
from clv_warehouse.encoder.vectors import BATCH_ROWS, scoring_date
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import ByBatch, Relation
from clv_warehouse.learning.registry import newest_read
from clv_warehouse.project.arrays import Floats, Ints
from clv_warehouse.project.days import date_of, days_since_1970

# A chance of a product is small.
PLACES = 7
BY_RULE, BY_HEAD = "rule", "head"
SCHEMA = pa.schema(
    [
        ("customer_key", pa.string()),
        ("as_of_date", pa.date32()),
        ("outlook", pa.string()),
        ("horizon_days", pa.int32()),
        ("rank", pa.int32()),
        ("item", pa.string()),
        ("chance", pa.float64()),
        ("has_bought", pa.bool_()),
        ("said_by", pa.string()),
        ("encoder_version", pa.string()),
    ]
)


@doorway
def of_customers(
    encoders: Relation,
    sequences: Relation,
    products: Relation,
    dates: Relation,
    window: int,
) -> pa.Table | ByBatch:
    """Say of everybody who bought or looked around what they will do next.

    `encoders` are rows of encoder, `sequences` of customer_sequences, `products` of
    product_popularity and `dates` of as_of_dates. There are no rows without an encoder.
    """
    today = scoring_date(dates)
    if today is None:
        return SCHEMA.empty_table()
    found = newest_read(ENCODER, encoders, today, heads_of)
    if not found or not found[1].by_name:
        return SCHEMA.empty_table()
    encoder, heads, late = found
    told = products.to_arrow_table()
    ids = {*told["product_id"].to_pylist(), *encoder.product_ids.to_pylist()}
    known_ids = pa.array(sorted(ids), pa.string())
    day = days_since_1970(today)

    def said(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        histories = Histories.from_arrow(batch, known_ids)
        catalogue = Catalogue.of(told, histories, heads.categories)
        seen = Seen.at(encoder, histories, day, catalogue, len(batch))
        return list(outlooks(heads, seen, window, late))

    return ByBatch(sequences, said, SCHEMA, BATCH_ROWS)


def outlooks(
    heads: Heads, seen: Seen, window: int, late: Encoder | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of some customers, kind by kind.

    `late` is the encoder of heads of LONG_DAYS; None if only their rules speak.
    """
    later = seen.by(late) if late else seen
    first_chances = np.zeros(len(seen.customers))
    for name, kept in ((REPEAT, seen.has_bought), (FIRST, ~seen.has_bought)):
        if name not in heads.by_name or not kept.any():
            continue
        head, few = heads.by_name[name], seen.where(kept)
        chances = expit(head.log_odds(few.habits, few.log_odds))
        yield _rows(few, name, window, chances, head.is_accepted)
        if name == FIRST:
            first_chances[kept] = chances
        yield from _long(heads, later.where(kept), window, chances, head.is_accepted)
    for name, some in ((CATEGORY, seen), (PRODUCT, seen.where(~seen.has_bought))):
        if name not in heads.by_name or not len(some.customers):
            continue
        if name == PRODUCT and FIRST not in heads.by_name:
            continue
        head = heads.by_name[name]
        names = (
            np.array(heads.categories, object)
            if name == CATEGORY
            else np.array(some.encoder.product_ids.to_pylist(), object)
        )
        chance_of = first_chances[~seen.has_bought]
        start = 0
        for block in some.blocks(len(names)):
            pairs = pairs_of(name, block, heads.by_name)
            log_odds = head.log_odds(pairs.rule, pairs.encoder)
            end = start + len(block.customers)
            if name == CATEGORY:
                chances = expit(log_odds)
            else:
                chances = softmax(log_odds) * chance_of[start:end, None]
            yield _best(block, name, window, chances, names, head.is_accepted)
            start = end


def _long(
    heads: Heads, seen: Seen, window: int, soon: Floats, by_head: bool
) -> Iterator[pa.RecordBatch]:
    """Yield what is said of LONG_DAYS, given the chances of a purchase in the window.

    A longer time never has a lower chance of a purchase. `seen` are customers who all
    have bought, or all have only looked around. `by_head` says who said `soon`.
    """
    name = CHURN if seen.has_bought[0] else FIRST
    if name not in heads.long or (name == FIRST and window >= LONG_DAYS):
        return
    head = heads.long[name]
    found = expit(head.log_odds(seen.habits, seen.log_odds))
    if name == CHURN:
        bound = np.minimum if window <= LONG_DAYS else np.maximum
        found = bound(found, 1 - soon)
        by_head = head.is_accepted
    elif head.is_accepted:
        found, by_head = np.maximum(found, soon), True
    else:
        # Of the days after the window the rules say.
        rule = heads.by_name[FIRST].log_odds(seen.habits, seen.log_odds, False)
        later = np.minimum((1 - found) / (1 - expit(rule)), 1)
        found = 1 - (1 - soon) * later
    yield _rows(seen, name, LONG_DAYS, found, by_head)


def _best(
    seen: Seen, name: str, window: int, chances: Floats, names: Any, by_head: bool
) -> pa.RecordBatch:
    """Rows of the likeliest items; of equals the first."""
    length = min(LENGTHS[name], chances.shape[1])
    chances = np.round(chances, PLACES)
    top = np.argsort(-chances, 1, kind="stable")[:, :length]
    place = np.repeat(np.arange(len(top)), length)
    return _rows(
        seen.where(place),
        name,
        window,
        np.take_along_axis(chances, top, 1).ravel(),
        by_head,
        names[top.ravel()].tolist(),
        np.tile(np.arange(1, length + 1), len(top)),
    )


def _rows(
    seen: Seen,
    name: str,
    days: int,
    chances: Floats,
    by_head: bool,
    items: list[str] | None = None,
    ranks: Ints | None = None,
) -> pa.RecordBatch:
    count = len(seen.customers)
    return pa.record_batch(
        [
            seen.known.customer_keys.take(pa.array(seen.customers)),
            pa.repeat(pa.scalar(date_of(seen.day), pa.date32()), count),
            pa.repeat(name, count),
            pa.repeat(pa.scalar(days, pa.int32()), count),
            pa.array(np.ones(count) if ranks is None else ranks, pa.int32()),
            pa.nulls(count, pa.string()) if items is None else pa.array(items),
            pa.array(np.round(chances, PLACES)),
            pa.array(seen.has_bought),
            pa.repeat(BY_HEAD if by_head else BY_RULE, count),
            pa.repeat(seen.encoder.version, count),
        ],
        schema=SCHEMA,
    )
