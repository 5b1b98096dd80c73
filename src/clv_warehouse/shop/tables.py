"""Turns the made-up shop into the feeds that a real shop would hand over, in Arrow."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.project.arrays import Bools, Ints
from clv_warehouse.shop.process import (
    CHANNELS,
    SECONDS_PER_DAY,
    Batch,
    Catalogue,
    Settings,
    Stream,
    at_daytime,
    choose_products,
    random,
)
from clv_warehouse.shop.truth import HORIZONS, expected_spend
from clv_warehouse.shop.words import (
    CATEGORIES,
    CLOSINGS,
    COLOURS,
    COUNTRIES,
    FIRST_NAMES,
    GRADES,
    LAST_NAMES,
    OPENINGS,
    TITLES,
)

MONEY = pa.decimal128(18, 4)
PIECES = pa.decimal128(12, 3)
TIME = pa.timestamp("us")

SCHEMAS = {
    "orders": pa.schema(
        {
            "order_id": pa.string(),
            "customer_id": pa.string(),
            "ordered_at": TIME,
            "status": pa.string(),
            "currency": pa.string(),
            "amount": MONEY,
        }
    ),
    "order_lines": pa.schema(
        {
            "order_id": pa.string(),
            "line_number": pa.int32(),
            "product_id": pa.string(),
            "quantity": PIECES,
            "unit_price": MONEY,
            "discount": MONEY,
            "line_type": pa.string(),
        }
    ),
    "products": pa.schema(
        {
            "product_id": pa.string(),
            "product_name": pa.string(),
            "category": pa.string(),
            "unit_cost": MONEY,
        }
    ),
    "customers": pa.schema(
        {
            "customer_id": pa.string(),
            "email": pa.string(),
            "full_name": pa.string(),
            "phone": pa.string(),
            "country": pa.string(),
            "acquisition_channel": pa.string(),
            "signed_up_at": TIME,
        }
    ),
    "events": pa.schema(
        {
            "event_id": pa.string(),
            "customer_id": pa.string(),
            "session_id": pa.string(),
            "event_type": pa.string(),
            "product_id": pa.string(),
            "occurred_at": TIME,
        }
    ),
    "reviews": pa.schema(
        {
            "review_id": pa.string(),
            "order_id": pa.string(),
            "customer_id": pa.string(),
            "product_id": pa.string(),
            "rating": pa.int32(),
            "title": pa.string(),
            "body": pa.string(),
            "written_at": TIME,
        }
    ),
    "truth": pa.schema(
        {
            "customer_id": pa.string(),
            "as_of_date": pa.date32(),
            "horizon_days": pa.int32(),
            "expected_spend": pa.float64(),
        }
    ),
}

# How many numbers of orders, reviews and so on a batch reserves per person: more than
# any batch needs, so that two batches never use the same number.
NUMBERS_PER_PERSON = 1000

STATUSES = ("completed", "cancelled", "returned")
COMPLETED, CANCELLED, RETURNED = range(3)
EVENT_TYPES = ("view", "cart", "purchase", "search")
VIEW, CART, PURCHASE, SEARCH = range(4)
SEARCH_SHARE = 0.25
MEAN_MORE_VIEWS = 0.7
RATING_NOISE = 0.8
RATING_LOST_BY_RETURN = 1.5


def batch_tables(
    batch: Batch,
    people: int,
    feeds: Collection[str],
    truth_days: Sequence[int],
) -> dict[str, pa.Table]:
    """Rows by feed, of the batch's first `people` people; `truth` may be a feed.

    `truth_days` are the as-of days of the truth. Products are the same for all
    batches and come from `products_table`.
    """
    tables = {}
    if {"orders", "order_lines", "reviews"} & set(feeds):
        documents = _documents(batch)
        if "orders" in feeds:
            tables["orders"] = _orders(batch, documents, people)
        if "order_lines" in feeds:
            tables["order_lines"] = _order_lines(batch, documents, people)
        if "reviews" in feeds:
            tables["reviews"] = _reviews(batch, documents, people)
    if "customers" in feeds:
        tables["customers"] = _customers(batch, people)
    if "events" in feeds:
        tables["events"] = _events(batch, people)
    if "truth" in feeds:
        tables["truth"] = pa.concat_tables(
            [_truth(batch, people, day) for day in truth_days]
        )
    return tables


def products_table(catalogue: Catalogue) -> pa.Table:
    """Feed of the products."""
    names, categories = [], []
    nouns_per_cell = len(next(iter(CATEGORIES.values())))
    for position in range(len(catalogue.price)):
        cell, place = divmod(position, catalogue.per_cell)
        category, nouns = list(CATEGORIES.items())[cell // len(GRADES)]
        shade, noun = divmod(place, nouns_per_cell)
        # Each noun of a cell goes with each colour once; cells differ in the order.
        colour = COLOURS[(shade + 3 * cell + noun) % len(COLOURS)]
        names.append(f"{GRADES[cell % len(GRADES)]} {colour} {nouns[noun]}")
        categories.append(category)
    return pa.table(
        [
            _ids("P", np.arange(len(names)) + 1),
            pa.array(names),
            pa.array(categories),
            _money(catalogue.cost),
        ],
        schema=SCHEMAS["products"],
    )


@dataclass(frozen=True)
class _Documents:
    """Orders and, after them, returns, which are orders of their own; shape (d,).

    Attributes:
        number: of the document, 1 for the batch's first by time.
        line: what a return returns, position among the lines.

    """

    number: Ints
    person: Ints
    time: Ints
    line: Ints


def _documents(batch: Batch) -> _Documents:
    baskets = batch.baskets
    line = np.flatnonzero(baskets.return_day >= 0)
    generator = random(batch.settings, batch.index, Stream.RETURNS)
    time = np.concatenate(
        [baskets.time, at_daytime(generator, baskets.return_day[line])]
    )
    person = np.concatenate([baskets.person, baskets.person[baskets.order[line]]])
    number = np.empty(len(time), dtype=np.int64)
    number[np.argsort(time, kind="stable")] = np.arange(len(time)) + 1
    return _Documents(number, person, time, line)


def _orders(batch: Batch, documents: _Documents, people: int) -> pa.Table:
    baskets, settings = batch.baskets, batch.settings
    amount = np.bincount(baskets.order, baskets.amount, len(baskets.person))
    amount += baskets.is_shipped * settings.shipping_cents
    amount = np.concatenate([amount.astype(int), -baskets.amount[documents.line]])
    status = np.where(baskets.is_cancelled, CANCELLED, COMPLETED)
    status = np.concatenate([status, np.full(len(documents.line), RETURNED)])
    rows = np.argsort(documents.number)
    rows = rows[_is_told(settings, documents.person, documents.time, people)[rows]]
    return pa.table(
        [
            _numbered("O", batch, documents.number[rows]),
            _customer_ids(batch, documents.person[rows]),
            _times(settings, documents.time[rows]),
            _words(STATUSES, status[rows]),
            _words(["EUR"], np.zeros(len(rows), dtype=int)),
            _money(amount[rows]),
        ],
        schema=SCHEMAS["orders"],
    )


def _order_lines(batch: Batch, documents: _Documents, people: int) -> pa.Table:
    baskets, settings = batch.baskets, batch.settings
    lines = np.bincount(baskets.order, minlength=len(baskets.person))
    first = np.cumsum(lines) - lines
    shipped = np.flatnonzero(baskets.is_shipped)
    returns = len(documents.line)
    shipping = len(batch.catalogue.price)
    none = np.zeros(len(shipped), dtype=np.int64)
    document = np.concatenate(
        [baskets.order, shipped, len(baskets.person) + np.arange(returns)]
    )
    line_number = np.concatenate(
        [
            np.arange(len(baskets.order)) - first[baskets.order] + 1,
            lines[shipped] + 1,
            np.ones(returns, dtype=np.int64),
        ]
    )
    product = np.concatenate(
        [baskets.product, none + shipping, baskets.product[documents.line]]
    )
    quantity = np.concatenate(
        [baskets.quantity, none + 1, -baskets.quantity[documents.line]]
    )
    # A return pays back less if its sale had a discount.
    discount = np.concatenate(
        [baskets.discount, none, baskets.discount[documents.line]]
    )
    prices = np.append(batch.catalogue.price, settings.shipping_cents)
    is_told = _is_told(settings, documents.person, documents.time, people)
    number = documents.number[document]
    rows = np.argsort(number * NUMBERS_PER_PERSON + line_number)
    rows = rows[is_told[document[rows]]]
    return pa.table(
        [
            _numbered("O", batch, number[rows]),
            pa.array(line_number[rows].astype(np.int32)),
            _product_ids(batch.catalogue, product[rows]),
            _decimal(quantity[rows] * 1000, PIECES),
            _money(prices[product[rows]]),
            _money(discount[rows]),
            _words(["shipping"], 0 * product[rows], product[rows] != shipping),
        ],
        schema=SCHEMAS["order_lines"],
    )


def _customers(batch: Batch, people: int) -> pa.Table:
    generator = random(batch.settings, batch.index, Stream.NAMES)
    n = len(batch.people)
    first = generator.integers(len(FIRST_NAMES), size=n)
    last = generator.integers(len(LAST_NAMES), size=n)
    country = np.minimum(generator.geometric(0.45, n), len(COUNTRIES)) - 1
    phone = generator.integers(100, size=n)
    minutes = generator.integers(2, 30, n)
    # Everybody's first order is one, and of the day of acquisition.
    first_time = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first_time, batch.baskets.person, batch.baskets.time)
    rows = np.flatnonzero(~batch.people.is_guest[:people])
    first_name, last_name = (
        _words(FIRST_NAMES, first[rows]),
        _words(LAST_NAMES, last[rows]),
    )
    number = _ids("", batch.people.number[rows])
    email = pc.binary_join_element_wise(
        pc.utf8_lower(first_name), number, pa.scalar("@example.com"), ""
    )
    return pa.table(
        [
            _customer_ids(batch, rows),
            email,
            pc.binary_join_element_wise(first_name, last_name, " "),
            # Telephone numbers that are reserved for fiction.
            _words([f"+1 202-555-01{line:02d}" for line in range(100)], phone[rows]),
            _words(COUNTRIES, country[rows]),
            _words(CHANNELS, batch.people.channel[rows]),
            _times(batch.settings, (first_time - minutes * 60)[rows]),
        ],
        schema=SCHEMAS["customers"],
    )


def _events(batch: Batch, people: int) -> pa.Table:
    """Return the events of people who allow tracking.

    A trip's first visit looks at products by the person's tastes and may leave the
    last one in the cart; the visit that ends in an order buys its products.
    """
    settings, catalogue, trips = batch.settings, batch.catalogue, batch.trips
    generator = random(settings, batch.index, Stream.EVENTS)
    watched = np.flatnonzero(batch.people.has_consented[trips.person])
    is_at_once = trips.is_order & (trips.start_day == trips.end_day)
    begin = np.where(
        is_at_once[watched],
        trips.end_time[watched] - generator.integers(1200, 3000, len(watched)),
        at_daytime(generator, trips.start_day[watched]),
    )
    has_search = generator.random(len(watched)) < SEARCH_SHARE
    views = 1 + generator.poisson(MEAN_MORE_VIEWS, len(watched))
    events = has_search + views + trips.has_cart[watched]
    visit = np.repeat(np.arange(len(watched)), events)
    place = np.arange(len(visit)) - (np.cumsum(events) - events)[visit]
    kind = np.full(len(visit), VIEW)
    kind[(place == 0) & has_search[visit]] = SEARCH
    is_last = place == events[visit] - 1
    kind[is_last & trips.has_cart[watched][visit]] = CART
    trip = watched[visit]
    product = choose_products(generator, catalogue, batch.people, trips.person[trip])
    product = np.where(kind == CART, np.roll(product, 1), product)
    time = begin[visit] + place * 60 + generator.integers(0, 60, len(visit))

    # The trips that end in orders, in the order of make_baskets.
    ending = np.flatnonzero(trips.is_order)
    ending = ending[np.argsort(trips.end_time[ending], kind="stable")]
    bought_trip = ending[batch.baskets.order]
    lines = np.flatnonzero(batch.people.has_consented[trips.person[bought_trip]])
    bought_trip = bought_trip[lines]
    bought = batch.baskets.product[lines]
    bought_time = trips.end_time[bought_trip]
    session = 2 * bought_trip + ~is_at_once[bought_trip]
    in_cart = bought_time - generator.integers(30, 300, len(lines))

    session = np.concatenate([2 * trip, session, session])
    person = trips.person[np.concatenate([trip, bought_trip, bought_trip])]
    kind = np.concatenate(
        [kind, np.full(len(lines), CART), np.full(len(lines), PURCHASE)]
    )
    product = np.concatenate([product, bought, bought])
    time = np.concatenate([time, in_cart, bought_time])
    rows = np.argsort(time, kind="stable")
    number = np.arange(len(rows)) + 1
    is_told = _is_told(settings, person[rows], time[rows], people)
    rows, number = rows[is_told], number[is_told]
    return pa.table(
        [
            _numbered("E", batch, number),
            _customer_ids(batch, person[rows]),
            _numbered("S", batch, session[rows] + 1),
            _words(EVENT_TYPES, kind[rows]),
            _product_ids(catalogue, product[rows], kind[rows] == SEARCH),
            _times(settings, time[rows]),
        ],
        schema=SCHEMAS["events"],
    )


def _reviews(batch: Batch, documents: _Documents, people: int) -> pa.Table:
    baskets, settings, catalogue = batch.baskets, batch.settings, batch.catalogue
    generator = random(settings, batch.index, Stream.REVIEWS)
    is_reviewed = generator.random(len(baskets.order)) < settings.review_share
    line = np.flatnonzero(is_reviewed & ~baskets.is_cancelled[baskets.order])
    order, product = baskets.order[line], baskets.product[line]
    opinion = (
        catalogue.quality[product]
        - RATING_LOST_BY_RETURN * (baskets.return_day[line] >= 0)
        + generator.normal(0, RATING_NOISE, len(line))
    )
    rating = np.clip(np.rint(opinion), 1, 5).astype(int)
    day = baskets.day[order] + generator.integers(2, 21, len(line))
    time = at_daytime(generator, day)
    titles, bodies = _review_texts()
    title = (rating - 1) * len(TITLES[0]) + generator.integers(
        len(TITLES[0]), size=len(line)
    )
    wordings = len(OPENINGS[0]) * len(CLOSINGS[0])
    wording = (rating - 1) * wordings + generator.integers(wordings, size=len(line))
    nouns = sum(len(nouns) for nouns in CATEGORIES.values())
    body = wording * nouns + _noun(catalogue, product)
    rows = np.argsort(time, kind="stable")
    number = np.arange(len(rows)) + 1
    is_told = _is_told(settings, baskets.person[order[rows]], time[rows], people)
    rows, number = rows[is_told], number[is_told]
    return pa.table(
        [
            _numbered("R", batch, number),
            _numbered("O", batch, documents.number[order[rows]]),
            _customer_ids(batch, baskets.person[order[rows]]),
            _product_ids(catalogue, product[rows]),
            pa.array(rating[rows].astype(np.int32)),
            _words(titles, title[rows]),
            _words(bodies, body[rows]),
            _times(settings, time[rows]),
        ],
        schema=SCHEMAS["reviews"],
    )


@cache
def _review_texts() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All headlines by rating, and all texts by rating, opening, closing and noun."""
    titles = tuple(title for titles in TITLES for title in titles)
    bodies = tuple(
        f"{opening.format(noun=noun)} {closing}"
        for openings, closings in zip(OPENINGS, CLOSINGS, strict=True)
        for opening in openings
        for closing in closings
        for nouns in CATEGORIES.values()
        for noun in nouns
    )
    return titles, bodies


def _noun(catalogue: Catalogue, product: Ints) -> Ints:
    """Return the position of the noun that ends each product's name."""
    nouns = len(next(iter(CATEGORIES.values())))
    category = product // catalogue.per_cell // len(GRADES)
    return category * nouns + product % catalogue.per_cell % nouns


def _truth(batch: Batch, people: int, as_of_day: int) -> pa.Table:
    truth = expected_spend(batch, as_of_day)
    kept = truth.position < people
    position = np.repeat(truth.position[kept], len(HORIZONS))
    as_of_date = batch.settings.start + dt.timedelta(days=as_of_day)
    horizons = np.tile(np.array(HORIZONS, dtype=np.int32), int(kept.sum()))
    return pa.table(
        [
            _customer_ids(batch, position),
            pa.array(np.full(len(position), as_of_date, dtype="datetime64[D]")),
            pa.array(horizons),
            pa.array(truth.spend[kept].ravel() / 100),
        ],
        schema=SCHEMAS["truth"],
    )


def _is_told(settings: Settings, person: Ints, time: Ints, people: int) -> Bools:
    """Return which rows belong to the people asked for and to the shop's days."""
    return (person < people) & (time < settings.days * SECONDS_PER_DAY)


def _numbered(prefix: str, batch: Batch, number: Ints) -> pa.Array:
    """Ids that no two batches share; `number` counts from 1 within the batch."""
    room = batch.settings.people_per_batch * NUMBERS_PER_PERSON
    if len(number) and number.max() > room:
        raise ValueError(
            f"batch {batch.index} needs more than {room:,} numbers {prefix}; "
            "make a shop of fewer days or lower rates"
        )
    return _ids(prefix, batch.index * room + number)


def _customer_ids(batch: Batch, person: Ints) -> pa.Array:
    """Ids of people, null for guests."""
    return _ids("C", batch.people.number[person], batch.people.is_guest[person])


def _ids(prefix: str, number: Ints, is_null: Bools | None = None) -> pa.Array:
    text = pa.array(number, pa.int64(), mask=is_null).cast(pa.string())
    return pc.binary_join_element_wise(pa.scalar(prefix), text, "")


def _product_ids(
    catalogue: Catalogue, product: Ints, is_null: Bools | None = None
) -> pa.Array:
    """Ids of products; one behind the last product is the shipping."""
    words = [f"P{number}" for number in range(1, len(catalogue.price) + 1)]
    return _words([*words, "SHIPPING"], product, is_null)


def _words(
    words: Sequence[str], position: Ints, is_null: Bools | None = None
) -> pa.Array:
    return pa.array(words).take(pa.array(position, pa.int32(), mask=is_null))


def _times(settings: Settings, seconds: Ints) -> pa.Array:
    midnight = np.datetime64(settings.start, "us")
    return pa.array(midnight + seconds.astype("timedelta64[s]"), TIME)


def _money(cents: Ints) -> pa.Array:
    return _decimal(cents * 100, MONEY)


def _decimal(units: Ints, data_type: pa.DataType) -> pa.Array:
    """Decimals from whole numbers of their last digit, as Arrow lays them out."""
    halves = np.empty((len(units), 2), dtype="<i8")
    halves[:, 0] = units
    # The upper half of a 128-bit number repeats its sign.
    halves[:, 1] = units >> 63
    return pa.Array.from_buffers(data_type, len(units), [None, pa.py_buffer(halves)])
