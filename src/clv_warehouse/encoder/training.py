"""Trains a chain of encoders, of which each knows nothing after a day of its own.

What learns from an encoder's numbers must not get them from an encoder that saw the
futures which it learns to say: it would trust them too much. So there are three: the
first ends two windows before the as-of date, and learns from nothing; the second ends a
window before it and goes on from the weights of the first, and today's from those of
the second, so that their numbers mean the same. A head learns from numbers as of a day
by the encoder that ends on that day, is judged by numbers as of a window later by the
next, and scores with the last: always as fresh, and never with a future in them. Heads
of LONG_DAYS have a chain of their own, in which so many days take the window's place.

The heads of heads.py are judged so beside the encoder, and stored with it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit

from clv_warehouse.encoder import heads
from clv_warehouse.encoder.habits import purchase_days
from clv_warehouse.encoder.heads import LONG_DAYS, Case, Heads
from clv_warehouse.encoder.histories import MODALITIES, Histories, ask, modalities_of
from clv_warehouse.encoder.network import (
    Encoder,
    from_stored,
    heads_from_stored,
    to_bytes,
)
from clv_warehouse.encoder.pretraining import (
    FEWEST_DAYS,
    FIRST_DAYS,
    Shape,
    bought_within,
    popularity,
    train,
)
from clv_warehouse.encoder.seen import Catalogue, Seen
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.learning.acceptance import (
    Loss,
    Measures,
    Rule,
    decide,
    judged_cases,
)
from clv_warehouse.learning.apart import apart
from clv_warehouse.learning.fingerprints import data_fingerprint
from clv_warehouse.learning.plan import Plan
from clv_warehouse.learning.progress import Progress
from clv_warehouse.learning.registry import SCHEMA, Stored, new_row
from clv_warehouse.learning.sampling import is_sampled
from clv_warehouse.project.arrays import Floats, Ints
from clv_warehouse.project.days import date_of, days_since_1970

ENCODER, POPULAR = "encoder", "popular"
WITHOUT = "encoder_without_"
WINDOW, SETTINGS = "recommendation_days", "encoder"
# Encoders by how many days before the as-of date they end, the earliest first.
Chain = Mapping[int, Encoder]
# So many encoders of a training give vectors. Heads of LONG_DAYS read one more.
CHAIN = 3
# Customers that are learned from: those whose keys are below a bound.
MOST_CUSTOMERS = 50_000
# It learns nothing where fewer customers than this were there before its last day, or
# fewer products sold on some days.
FEWEST_CUSTOMERS, FEWEST_PRODUCTS = 200, 10
JUDGED_CUSTOMERS = 4_000
# An encoder scores if it says better than popularity what customers buy next. What
# reads it has a backtest of its own.
RULE = Rule(
    POPULAR,
    (
        Loss(
            "product_log_loss",
            "what is bought next",
            float,
            "log loss {:.3f} against {:.3f}",
        ),
    ),
    tolerance=0.0,
    most=1.0,
)
BACKTEST = pa.schema(
    [
        ("origin_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("model", pa.string()),
        ("customer_key", pa.string()),
        ("bought_products", pa.int32()),
        ("product_log_loss", pa.float64()),
        ("chance", pa.float64()),
        ("has_bought", pa.bool_()),
    ]
)
HEAD_BACKTEST = pa.schema(
    [
        ("origin_date", pa.date32()),
        ("horizon_days", pa.int32()),
        ("head", pa.string()),
        ("customer_key", pa.string()),
        ("purchase_days", pa.int32()),
        ("rule_loss", pa.float64()),
        ("head_loss", pa.float64()),
        ("rule_recall", pa.float64()),
        ("head_recall", pa.float64()),
    ]
)


@doorway
def backtest(plan: Plan, sequences: Relation) -> pa.Table:
    """Judge the second encoder by the window that ends on the as-of date.

    Returns rows of encoder_backtest; none if no training is due, for then those of
    earlier runs stand.
    """
    if not plan.is_due or plan.as_of_date is None:
        return BACKTEST.empty_table()
    return apart(judge, plan, sequences=sample(sequences))


@doorway
def backtest_heads(plan: Plan, sequences: Relation, products: Relation) -> pa.Table:
    """Judge heads and their rules by the window that ends on the as-of date.

    `products` are rows of product_popularity. Returns rows of head_backtest; none if no
    training is due.
    """
    if not plan.is_due or plan.as_of_date is None:
        return HEAD_BACKTEST.empty_table()
    return apart(judge_heads, plan, sequences=sample(sequences), products=products)


@doorway
def trained(
    plan: Plan,
    metrics: Relation,
    verdicts: Relation,
    sequences: Relation,
    products: Relation,
) -> pa.Table:
    """Return a new row of encoder, if a training is due, and none otherwise.

    `metrics` are rows of encoder_metrics, `verdicts` of head_metrics, `sequences` of
    customer_sequences and `products` of product_popularity. There is none either if
    there is too little to learn from.
    """
    if not plan.is_due or plan.as_of_date is None:
        return SCHEMA.empty_table()
    progress = Progress(ENCODER)
    progress.say(f"training, because: {plan.reason}")
    row = apart(
        trained_row,
        plan,
        judged_cases(metrics, plan.as_of_date),
        accepted_heads(verdicts, plan),
        sequences=sample(sequences),
        products=products,
    )
    if row.num_rows:
        progress.say(row["decision"][0].as_py())
    else:
        progress.say("too few customers bought products to learn from")
    return row


def judge(plan: Plan, sequences: pa.Table) -> pa.Table:
    """Compare the second encoder, with and without each modality, with popularity."""
    assert plan.as_of_date is not None
    histories, window = read(sequences), plan.setting(WINDOW)
    chain = encoders(plan, histories, window, window)
    if not chain:
        return BACKTEST.empty_table()
    encoder = chain[window]
    # Products that it does not know are none of its business.
    histories = histories.of_products(encoder.product_ids)
    customers = histories.begun_by(encoder.end)[:JUDGED_CUSTOMERS]
    judged = [
        (encoder, ENCODER, ()),
        *(
            (encoder, WITHOUT + each, (each,))
            for each in modalities_of(histories.until(encoder.end))
        ),
        (None, POPULAR, ()),
    ]
    return pa.concat_tables(
        [
            _judged(each, histories, customers, encoder.end, window, model, without)
            for each, model, without in judged
        ]
    )


def judge_heads(plan: Plan, sequences: pa.Table, products: pa.Table) -> pa.Table:
    """Learn heads by an encoder's numbers, and judge them by those of the next."""
    histories, window = read(sequences), plan.setting(WINDOW)
    chain = encoders(plan, histories, window, window)
    if not chain:
        return HEAD_BACKTEST.empty_table()
    long = encoders(plan, histories, LONG_DAYS, LONG_DAYS)
    judged = judged_heads(chain, long, histories, products, window)
    return pa.concat_tables([_rows_of(*each) for each in judged])


def judged_heads(
    chain: Chain, long: Chain, histories: Histories, products: pa.Table, window: int
) -> Iterator[tuple[Seen, int, list[Case]]]:
    """Yield customers as of a judged day, the days after it, and what they judge.

    `long` has the encoders of heads of LONG_DAYS; none in a shop that is too young.
    """
    before = long.get(2 * LONG_DAYS)
    learned = Heads.fit(chain[2 * window], histories, products, window, before)
    catalogue = Catalogue.of(products, histories, learned.categories)
    encoder = chain[window]
    popular = catalogue.at(histories, encoder.end, window)
    seen = Seen.at(encoder, histories, encoder.end, popular)
    yield seen, window, list(heads.judge(learned.by_name, seen, histories, window))
    if before:
        encoder = long[LONG_DAYS]
        seen = Seen.at(encoder, histories, encoder.end, catalogue)
        yield seen, LONG_DAYS, list(heads.judge_long(learned.long, seen, histories))


def _rows_of(seen: Seen, days: int, cases: Sequence[Case]) -> pa.Table:
    """Rows of head_backtest."""
    customers = np.array([case.customer for case in cases], np.int64)
    losses = np.array([case.losses for case in cases]).reshape(-1, 2)
    recalls = [case.recalls or (None, None) for case in cases]
    return pa.table(
        [
            pa.repeat(pa.scalar(date_of(seen.day), pa.date32()), len(cases)),
            pa.repeat(pa.scalar(days, pa.int32()), len(cases)),
            pa.array([case.head for case in cases], pa.string()),
            seen.known.customer_keys.take(pa.array(customers)),
            pa.array(purchase_days(seen.known)[customers], pa.int32()),
            pa.array(losses[:, 0]),
            pa.array(losses[:, 1]),
            pa.array([rule for rule, _ in recalls], pa.float64()),
            pa.array([head for _, head in recalls], pa.float64()),
        ],
        schema=HEAD_BACKTEST,
    )


def accepted_heads(verdicts: Relation, plan: Plan) -> tuple[tuple[str, int], ...]:
    """Return names and days of heads that a backtest up to the as-of date accepts.

    `verdicts` are rows of head_metrics.
    """
    found = verdicts.filter("is_accepted").project("head, horizon_days, origin_date")
    assert plan.as_of_date is not None
    today = days_since_1970(plan.as_of_date)
    return tuple(
        sorted(
            (head, days)
            for head, days, origin in found.distinct().fetchall()
            if days_since_1970(origin) == today - days
        )
    )


def trained_row(
    plan: Plan,
    cases: list[Measures],
    accepted: Sequence[tuple[str, int]],
    sequences: pa.Table,
    products: pa.Table,
) -> pa.Table:
    """Train the chain up to today, and heads by numbers of encoders that end before."""
    histories, window = read(sequences), plan.setting(WINDOW)
    chain = encoders(plan, histories, window, 0)
    if not chain:
        return SCHEMA.empty_table()
    is_long = any(days == LONG_DAYS for _, days in accepted)
    long = encoders(plan, histories, LONG_DAYS, 0 if is_long else LONG_DAYS)
    left_out = ignored(cases)
    chain, long = (
        {back: replace(encoder, ignored=left_out) for back, encoder in each.items()}
        for each in (chain, long)
    )
    before = long.get(LONG_DAYS)
    learned = Heads.fit(chain[window], histories, products, window, before, accepted)
    kept = list(chain.values())
    if is_long:
        kept.append(long[0])
    config = {"settings": json.loads(plan.settings), **asdict(shape_of(plan))}
    return new_row(
        plan,
        decide(ENCODER, cases, RULE),
        to_bytes(kept, learned.to_json()),
        config=json.dumps(config),
        prior="{}",
        data_fingerprint=fingerprint(histories),
        measures=json.dumps(cases[0] if cases else {}),
        history="",
    )


def chain_of(stored: Stored) -> list[Encoder]:
    """Read the encoders of a training; raises ValueError or KeyError if it can't."""
    return from_stored(stored)[:CHAIN]


def heads_of(stored: Stored) -> tuple[Encoder, Heads, Encoder | None]:
    """Read the newest encoder of a training, and the heads.

    And the encoder that heads of LONG_DAYS read, if one of them may speak.
    Raises ValueError or KeyError if they can't be read.
    """
    every = from_stored(stored)
    newest = max(every[:CHAIN], key=lambda each: each.end)
    heads = Heads.from_json(heads_from_stored(stored))
    return newest, heads, next(iter(every[CHAIN:]), None)


# The last chains, by a fingerprint of what they were trained on and by days.
_LAST: dict[tuple[str, int], dict[int, Encoder]] = {}


def encoders(plan: Plan, histories: Histories, days: int, until: int) -> Chain:
    """Train encoders that end twice and once so many days before the as-of date.

    And on it, but none that ends fewer than `until` days before; none at all if there
    is too little to learn from. The last chains are kept: the training that follows a
    backtest in the same process goes on from them.
    """
    assert plan.as_of_date is not None
    shape, today = shape_of(plan), days_since_1970(plan.as_of_date)
    if not is_enough(histories, today, days):
        return {}
    asked = f"{fingerprint(histories)} {today} {shape}"
    if not any(each == asked for each, _ in _LAST):
        _LAST.clear()
    chain = _LAST.setdefault((asked, days), {})
    for back in (2 * days, days, 0):
        if back >= until and back not in chain:
            chain[back] = next_of(chain, histories, today - back, shape)
    return {back: each for back, each in chain.items() if back >= until}


def next_of(chain: Chain, histories: Histories, end: int, shape: Shape) -> Encoder:
    """Train an encoder up to a day, which goes on from the last of a chain, if any."""
    before = list(chain.values())[-1] if chain else None
    of_step = shape.going_on() if before else shape
    return train(histories, end, of_step, before, _saying(end))


def is_enough(histories: Histories, today: int, days: int) -> bool:
    """Whether there is enough to learn from what came in so many days.

    The first encoder of the chain ends twice as long before today.
    """
    before = histories.until(today - 3 * days)
    customers = (np.diff(before.start) > 0).sum()
    products = (before.bought.getnnz(0) >= FEWEST_DAYS).sum()
    if customers < FEWEST_CUSTOMERS or products < FEWEST_PRODUCTS:
        return False
    return bool(today - 3 * days - before.day.min() > FIRST_DAYS)


def _saying(end: int) -> Callable[[int, float], None]:
    """Return what tells how training up to a day gets on."""
    progress, day = Progress(ENCODER), date_of(end)

    def say(epoch: int, loss: float) -> None:
        progress.say(f"up to {day}, epoch {epoch}, loss {loss:.3f}")

    return say


def fingerprint(histories: Histories) -> str:
    """Return what differs if anything does that is learned from."""
    return data_fingerprint(
        [
            *(histories.start, histories.day, histories.numbers),
            *(histories.bought.indices, histories.viewed.indices),
            *(histories.customer_keys, histories.product_ids),
        ]
    )


def _judged(
    encoder: Encoder | None,
    histories: Histories,
    customers: Ints,
    origin: int,
    window: int,
    model: str,
    without: Sequence[str],
) -> pa.Table:
    """What a model says of customers as of a day, beside what they then did."""
    popular = popularity(histories, np.array([origin]), window)[0]
    log_loss: list[Floats] = []
    chances: list[Floats] = []
    wanted = bought_within(histories, customers, origin, window)
    counts = np.diff(wanted.indptr)
    share = float((counts > 0).mean())
    read_from = histories.without(without)
    for start in range(0, len(customers), 512):
        chosen = customers[start : start + 512]
        bought = wanted[start : start + 512]
        if encoder is None:
            scores = np.broadcast_to(popular, (len(chosen), len(popular)))
            chance = np.full(len(chosen), share)
        else:
            asked = ask(read_from, chosen, np.full(len(chosen), origin), encoder.scale)
            _, tastes, heads = encoder.states(asked)
            scores = tastes @ encoder.parts["offers"].T
            scores = scores + encoder.parts["offers_bias"] + popular
            chance = expit(heads[:, 0].astype(np.float64))
        highest = scores.max(1, keepdims=True)
        total = np.log(np.exp(scores - highest).sum(1)) + highest[:, 0]
        of_bought = np.asarray(bought.multiply(scores).sum(1)).ravel()
        count = np.diff(bought.indptr)
        log_loss.append(total - of_bought / np.maximum(count, 1))
        chances.append(chance)
    day = date_of(origin)
    return pa.table(
        [
            pa.repeat(pa.scalar(day, pa.date32()), len(customers)),
            pa.repeat(pa.scalar(window, pa.int32()), len(customers)),
            pa.repeat(model, len(customers)),
            histories.customer_keys.take(pa.array(customers)),
            pa.array(counts, pa.int32()),
            pa.array(np.concatenate(log_loss), mask=counts == 0),
            pa.array(np.concatenate(chances)),
            pa.array(counts > 0),
        ],
        schema=BACKTEST,
    )


def ignored(cases: Sequence[Measures]) -> tuple[str, ...]:
    """Return the modalities without which the encoder was no worse."""
    return tuple(
        each
        for each in MODALITIES
        for case in cases[:1]
        if case.get(WITHOUT + each, {}).get("gain", 1.0)
        <= case.get(WITHOUT + each, {}).get("gain_error", 0.0)
    )


def shape_of(plan: Plan) -> Shape:
    """Return the sizes that var encoder says."""
    chosen: dict[str, Any] = plan.setting(SETTINGS)
    return Shape(window=plan.setting(WINDOW), **chosen)


def read(sequences: pa.Table) -> Histories:
    """Read the customers in order of their keys."""
    return Histories.from_arrow(sequences.sort_by("customer_key"))


def sample(sequences: Relation) -> Relation:
    """Return the sequences of enough customers to learn from, always the same ones."""
    return sequences.filter(in_sample(sequences))


def in_sample(sequences: Relation) -> str:
    """Return the SQL condition by which a customer is in that sample."""
    (count,) = sequences.aggregate("count(*)").fetchall()[0]
    return is_sampled(MOST_CUSTOMERS / max(count, 1))
