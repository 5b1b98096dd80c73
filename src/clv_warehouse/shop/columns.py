"""Builds Arrow columns of the made-up shop's feeds from numpy arrays."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.project.arrays import Bools, Ints
from clv_warehouse.shop.goods import BOXES, Catalogue
from clv_warehouse.shop.process import Batch
from clv_warehouse.shop.settings import SECONDS_PER_DAY, Settings

MONEY = pa.decimal128(18, 4)
PIECES = pa.decimal128(12, 3)
TIME = pa.timestamp("us")

# How many numbers of orders, reviews and so on a batch reserves per person: more than
# any batch needs, so that two batches never use the same number.
NUMBERS_PER_PERSON = 1000


def is_told(settings: Settings, person: Ints, time: Ints, people: int) -> Bools:
    """Return which rows belong to the people asked for and to the shop's days."""
    return (person < people) & (time < settings.days * SECONDS_PER_DAY)


def numbered(prefix: str, batch: Batch, number: Ints) -> pa.Array:
    """Ids that no two batches share; `number` counts from 1 within the batch."""
    room = batch.settings.people_per_batch * NUMBERS_PER_PERSON
    if len(number) and number.max() > room:
        raise ValueError(
            f"batch {batch.index} needs more than {room:,} numbers {prefix}; "
            "make a shop of fewer days or lower rates"
        )
    return ids(prefix, batch.index * room + number)


def customer_ids(batch: Batch, person: Ints) -> pa.Array:
    """Ids of people, null for guests."""
    return ids("C", batch.people.number[person], batch.people.is_guest[person])


def ids(prefix: str, number: Ints, is_null: Bools | None = None) -> pa.Array:
    """A prefix and a number; null where `is_null`."""
    text = pa.array(number, pa.int64(), mask=is_null).cast(pa.string())
    return pc.binary_join_element_wise(pa.scalar(prefix), text, "")


def product_ids(
    catalogue: Catalogue, product: Ints, is_null: Bools | None = None
) -> pa.Array:
    """Ids of products and boxes; one behind the last box is the shipping."""
    n = len(catalogue.price) - len(BOXES)
    words_of = [f"P{number}" for number in range(1, n + 1)]
    boxes = [f"BOX{number}" for number in range(1, len(BOXES) + 1)]
    return words([*words_of, *boxes, "SHIPPING"], product, is_null)


def words(
    of: Sequence[str | None], position: Ints, is_null: Bools | None = None
) -> pa.Array:
    """Words by their position; null where `is_null`."""
    return pa.array(of, pa.string()).take(pa.array(position, pa.int32(), mask=is_null))


def times(settings: Settings, seconds: Ints, is_null: Bools | None = None) -> pa.Array:
    """Times from seconds after midnight of the shop's first day."""
    midnight = np.datetime64(settings.start, "us")
    return pa.array(midnight + seconds.astype("timedelta64[s]"), TIME, mask=is_null)


def money(cents: Ints) -> pa.Array:
    """Money from whole cents."""
    return decimal(cents * 100, MONEY)


def decimal(units: Ints, data_type: pa.DataType) -> pa.Array:
    """Decimals from whole numbers of their last digit, as Arrow lays them out."""
    halves = np.empty((len(units), 2), dtype="<i8")
    halves[:, 0] = units
    # The upper half of a 128-bit number repeats its sign.
    halves[:, 1] = units >> 63
    return pa.Array.from_buffers(data_type, len(units), [None, pa.py_buffer(halves)])
