"""What the encoders say of customers and products, as vectors."""

from datetime import date

import numpy as np
import pyarrow as pa
from scipy.special import expit

from clv_warehouse.encoder.histories import Histories, ask
from clv_warehouse.encoder.network import Encoder
from clv_warehouse.encoder.training import ENCODER, chain_of, in_sample
from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import ByBatch, Relation
from clv_warehouse.learning.registry import newest_read
from clv_warehouse.project.arrays import Bools, Singles
from clv_warehouse.project.days import date_of, days_since_1970

BATCH_ROWS = 1 << 12
PLACES = 5
VECTOR = pa.list_(pa.float32())
OF_CUSTOMERS = pa.schema(
    [
        ("customer_key", pa.string()),
        ("as_of_date", pa.date32()),
        ("model", pa.string()),
        ("encoder_version", pa.string()),
        ("knows_until", pa.date32()),
        ("vector", VECTOR),
        ("taste", VECTOR),
        ("chance_28d", pa.float64()),
        ("chance_91d", pa.float64()),
    ]
)
OF_PRODUCTS = pa.schema(
    [
        ("product_id", pa.string()),
        ("model", pa.string()),
        ("encoder_version", pa.string()),
        ("knows_until", pa.date32()),
        ("vector", VECTOR),
        ("bias", pa.float32()),
    ]
)


@doorway
def of_customers(
    encoders: Relation, sequences: Relation, dates: Relation, window: int
) -> pa.Table | ByBatch:
    """Compute vectors of customers as of the scoring date.

    And of a sample of them as of one and two windows before it, from which heads learn.
    Of the newest chain the last encoder computes them that knows nothing after the day.
    `encoders` are rows of encoder, `sequences` of customer_sequences and `dates` of
    as_of_dates. There are no rows without an encoder.
    """
    today = scoring_date(dates)
    chain = newest(encoders, today)
    if today is None or not chain:
        return OF_CUSTOMERS.empty_table()
    asked = [
        (max(able, key=lambda each: each.end), day)
        for back in range(3)
        for day in [days_since_1970(today) - back * window]
        for able in [[each for each in chain if each.end <= day]]
        if able
    ]
    ids = {each for encoder in chain for each in encoder.product_ids.to_pylist()}
    products = pa.array(sorted(ids), pa.string())
    rows = sequences.project(
        f"customer_key, days, {in_sample(sequences)} as is_sampled"
    )

    def computed(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        histories = Histories.from_arrow(batch, products)
        sampled = batch["is_sampled"].to_numpy(zero_copy_only=False)
        return [
            vectors(encoder, histories, day, sampled | (number == 0))
            for number, (encoder, day) in enumerate(asked)
        ]

    return ByBatch(rows, computed, OF_CUSTOMERS, BATCH_ROWS)


@doorway
def of_products(encoders: Relation, dates: Relation) -> pa.Table:
    """Return the vectors of the products that each encoder of the chain knows."""
    chain = newest(encoders, scoring_date(dates))
    return pa.concat_tables([OF_PRODUCTS.empty_table(), *map(product_vectors, chain)])


def product_vectors(encoder: Encoder) -> pa.Table:
    """Return the vectors of the products that an encoder knows."""
    count = len(encoder.product_ids)
    return pa.table(
        [
            encoder.product_ids,
            *_names(encoder, count),
            _lists(encoder.parts["offers"]),
            pa.array(encoder.parts["offers_bias"]),
        ],
        schema=OF_PRODUCTS,
    )


def scoring_date(dates: Relation) -> date | None:
    """Return the scoring date; None without customers."""
    found = dates.filter("is_scoring_date").aggregate("max(as_of_date)").fetchall()
    return found[0][0]


def newest(encoders: Relation, today: date | None) -> list[Encoder]:
    """Return the chain that scores as of a day; none if no training was accepted."""
    if today is None:
        return []
    return newest_read(ENCODER, encoders, today, chain_of) or []


def vectors(
    encoder: Encoder, histories: Histories, day: int, chosen: Bools
) -> pa.RecordBatch:
    """Compute the vectors of those chosen who did anything up to a day."""
    read = encoder.read(histories)
    begun = read.begun_by(day)
    customer = begun[chosen[begun]]
    asked = ask(read, customer, np.full(len(customer), day), encoder.scale)
    states, tastes, heads = encoder.states(asked)
    chances = np.round(expit(heads[:, :2].astype(np.float64)), PLACES)
    count = len(customer)
    return pa.record_batch(
        [
            read.customer_keys.take(pa.array(customer)),
            _dates(day, count),
            *_names(encoder, count),
            _lists(states),
            _lists(tastes),
            pa.array(chances[:, 0]),
            pa.array(chances[:, 1]),
        ],
        schema=OF_CUSTOMERS,
    )


def _names(encoder: Encoder, count: int) -> list[pa.Array]:
    return [
        pa.repeat(ENCODER, count),
        pa.repeat(encoder.version, count),
        _dates(encoder.end, count),
    ]


def _dates(day: int, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(date_of(day), pa.date32()), count)


def _lists(rows: Singles) -> pa.ListArray:
    """Turn rows into lists, rounded so that the last bit of a sum decides nothing."""
    flat = np.round(rows, PLACES).astype(np.float32).ravel()
    ends = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.ListArray.from_arrays(ends, flat)
