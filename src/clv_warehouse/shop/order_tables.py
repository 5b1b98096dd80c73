"""Feeds of what people buy: orders, lines, refunds, redemptions, reviews."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from clv_warehouse.project.arrays import Bools, Ints
from clv_warehouse.shop.acquisition import SOURCES
from clv_warehouse.shop.baskets import RENEWAL
from clv_warehouse.shop.columns import (
    PIECES,
    customer_ids,
    decimal,
    ids,
    is_told,
    money,
    numbered,
    product_ids,
    times,
    words,
)
from clv_warehouse.shop.contacts import campaigns
from clv_warehouse.shop.goods import Catalogue
from clv_warehouse.shop.process import Batch
from clv_warehouse.shop.schemas import SCHEMAS
from clv_warehouse.shop.seasons import month_of
from clv_warehouse.shop.settings import Stream, at_daytime, random
from clv_warehouse.shop.words import CATEGORIES, CLOSINGS, GRADES, OPENINGS, TITLES

STATUSES = ("completed", "cancelled", "returned")
COMPLETED, CANCELLED, RETURNED = range(3)
SALES_CHANNELS = ("web", "app", "marketplace")
TAGS = ("gift", "subscription")
APP_SHARE, GIFT_TAG_SHARE = 0.35, 0.4
# Share of a person's orders that come through the channel that they prefer.
USUAL_SHARE = 0.85
RATING_NOISE = 0.8
RATING_LOST_BY_RETURN = 1.5


@dataclass(frozen=True)
class Documents:
    """Orders and, after them, returns that are orders of their own; shape (d,).

    Attributes:
        number: of the document, 1 for the batch's first by time.
        line: what a return returns, position among the lines; shape (returns,).
        refund_line, refund_time: the same of what the feed refunds tells.

    """

    number: Ints
    person: Ints
    time: Ints
    line: Ints
    refund_line: Ints
    refund_time: Ints

    @classmethod
    def of(cls, batch: Batch) -> "Documents":
        """Documents of a batch."""
        baskets = batch.baskets
        back = np.flatnonzero(baskets.return_day >= 0)
        generator = random(batch.settings, batch.index, Stream.RETURNS)
        back_time = at_daytime(generator, baskets.return_day[back])
        is_refund = baskets.is_refund[back]
        line = back[~is_refund]
        time = np.concatenate([baskets.time, back_time[~is_refund]])
        person = np.concatenate([baskets.person, baskets.person[baskets.order[line]]])
        number = np.empty(len(time), dtype=np.int64)
        number[np.argsort(time, kind="stable")] = np.arange(len(time)) + 1
        return cls(number, person, time, line, back[is_refund], back_time[is_refund])


def orders_table(batch: Batch, documents: Documents, people: int) -> pa.Table:
    """Feed of the orders."""
    baskets, settings = batch.baskets, batch.settings
    amount = np.bincount(baskets.order, baskets.amount, len(baskets.person))
    amount += baskets.is_shipped * settings.shipping_cents
    amount = np.concatenate([amount.astype(int), -baskets.amount[documents.line]])
    status = np.where(baskets.is_cancelled, CANCELLED, COMPLETED)
    status = np.concatenate([status, np.full(len(documents.line), RETURNED)])
    rows = np.argsort(documents.number)
    rows = rows[is_told(settings, documents.person, documents.time, people)[rows]]
    # A return has nothing of what its order has beside the money.
    order = np.where(rows < len(baskets.person), rows, -1)
    return pa.table(
        [
            numbered("O", batch, documents.number[rows]),
            customer_ids(batch, documents.person[rows]),
            times(settings, documents.time[rows]),
            words(STATUSES, status[rows]),
            words(["EUR"], np.zeros(len(rows), dtype=int)),
            money(amount[rows]),
            coupon_codes(batch, order),
            *_touches(batch, order),
        ],
        schema=SCHEMAS["orders"],
    )


def coupon_codes(batch: Batch, order: Ints) -> pa.Array:
    """Coupon's code of each order, null without one or where the order is -1."""
    baskets, settings = batch.baskets, batch.settings
    codes = [campaign.coupon_code for campaign in campaigns(settings)]
    percent = settings.coupon_percent
    campaign = np.where(baskets.trip >= 0, batch.trips.campaign[baskets.trip], -1)
    general = len(codes) + 1 - _is_first(batch)
    code = np.where(campaign >= 0, campaign, general)
    without = (order < 0) | ~baskets.has_coupon[order]
    return words([*codes, f"WELCOME{percent}", f"SAVE{percent}"], code[order], without)


def _is_first(batch: Batch) -> Bools:
    """Whether an order is the one with which its person came."""
    first_trip = np.zeros(len(batch.trips), dtype=bool)
    first_trip[np.unique(batch.trips.person, return_index=True)[1]] = True
    return (batch.baskets.trip >= 0) & first_trip[batch.baskets.trip]


def _touches(batch: Batch, order: Ints) -> list[pa.Array]:
    """Return how the orders came about: sales channel, tags, utm columns, click ids."""
    settings, people, baskets = batch.settings, batch.people, batch.baskets
    generator = random(settings, batch.index, Stream.ORDERS)
    n = len(baskets.person)
    prefers_app = generator.random(len(people)) < APP_SHARE
    is_usual = generator.random(n) < USUAL_SHARE
    is_tagged = generator.random(n) < GIFT_TAG_SHARE
    click = generator.integers(10**11, 10**12, n)

    is_first, is_renewal = _is_first(batch), baskets.kind == RENEWAL
    source = people.source[baskets.person]
    marketplace = np.array([each.channel == "marketplace" for each in SOURCES])
    channel = (prefers_app[baskets.person] == is_usual).astype(np.int64)
    channel = np.where(is_first & marketplace[source], 2, channel)
    in_gift_season = month_of(settings.start, baskets.day) >= 10
    is_gift = (people.is_gift_buyer[baskets.person] == 1) & in_gift_season & is_tagged
    tag = np.where(is_renewal, 1, 0)
    has_tag = is_renewal | is_gift

    ours = campaigns(settings)
    campaign = np.where(baskets.trip >= 0, batch.trips.campaign[baskets.trip], -1)
    touch = np.where(is_first, source, len(SOURCES) + campaign)
    touched = is_first | (campaign >= 0)
    sources = [*(each.utm_source for each in SOURCES), *("newsletter" for _ in ours)]
    media = [*(each.utm_medium for each in SOURCES), *("email" for _ in ours)]
    names = [*(each.campaign or None for each in SOURCES)]
    names += [each.campaign_id for each in ours]
    is_click = np.array([bool(each.campaign) for each in SOURCES])[source] & is_first
    clicks = ids("click-", click)
    none = pa.scalar(None, pa.string())
    return [
        words(SALES_CHANNELS, channel[order], order < 0),
        words(TAGS, tag[order], (order < 0) | ~has_tag[order]),
        *(
            words(list(column), touch[order], (order < 0) | ~touched[order])
            for column in (sources, media, names)
        ),
        pa.compute.if_else(
            pa.array((order >= 0) & is_click[order]),
            clicks.take(pa.array(order % n)),
            none,
        ),
    ]


def lines_table(batch: Batch, documents: Documents, people: int) -> pa.Table:
    """Feed of the order lines; shipping is a line of its own."""
    baskets, settings = batch.baskets, batch.settings
    lines = np.bincount(baskets.order, minlength=len(baskets.person))
    shipped = np.flatnonzero(baskets.is_shipped)
    returns = len(documents.line)
    shipping = len(batch.catalogue.price)
    none = np.zeros(len(shipped), dtype=np.int64)
    document = np.concatenate(
        [baskets.order, shipped, len(baskets.person) + np.arange(returns)]
    )
    line_number = np.concatenate(
        [_line_numbers(batch), lines[shipped] + 1, np.ones(returns, dtype=np.int64)]
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
    told = is_told(settings, documents.person, documents.time, people)
    number = documents.number[document]
    rows = np.lexsort((line_number, number))
    rows = rows[told[document[rows]]]
    return pa.table(
        [
            numbered("O", batch, number[rows]),
            pa.array(line_number[rows].astype(np.int32)),
            product_ids(batch.catalogue, product[rows]),
            decimal(quantity[rows] * 1000, PIECES),
            money(prices[product[rows]]),
            money(discount[rows]),
            words(["shipping"], 0 * product[rows], product[rows] != shipping),
        ],
        schema=SCHEMAS["order_lines"],
    )


def _line_numbers(batch: Batch) -> Ints:
    """Return each line's number within its order, from 1."""
    order = batch.baskets.order
    lines = np.bincount(order, minlength=len(batch.baskets.person))
    return np.arange(len(order)) - (np.cumsum(lines) - lines)[order] + 1


def refunds_table(batch: Batch, documents: Documents, people: int) -> pa.Table:
    """Feed of the refunds: the returns that are no orders of their own."""
    baskets, settings = batch.baskets, batch.settings
    rows = np.argsort(documents.refund_time, kind="stable")
    number = np.arange(len(rows)) + 1
    line, time = documents.refund_line[rows], documents.refund_time[rows]
    told = is_told(settings, baskets.person[baskets.order[line]], time, people)
    line, time, number = line[told], time[told], number[told]
    return pa.table(
        [
            numbered("F", batch, number),
            numbered("O", batch, documents.number[baskets.order[line]]),
            times(settings, time),
            money(baskets.amount[line]),
            pa.array(_line_numbers(batch)[line].astype(np.int32)),
        ],
        schema=SCHEMAS["refunds"],
    )


def redemptions_table(batch: Batch, documents: Documents, people: int) -> pa.Table:
    """Feed of the coupons that orders used."""
    baskets, settings = batch.baskets, batch.settings
    discount = np.bincount(baskets.order, baskets.discount, len(baskets.person))
    order = np.flatnonzero(baskets.has_coupon)
    number = np.arange(len(order)) + 1
    told = is_told(settings, baskets.person[order], baskets.time[order], people)
    order, number = order[told], number[told]
    names = [campaign.campaign_id for campaign in campaigns(settings)]
    trip = baskets.trip[order]
    campaign = np.where(trip >= 0, batch.trips.campaign[trip], -1)
    return pa.table(
        [
            numbered("D", batch, number),
            coupon_codes(batch, order),
            numbered("O", batch, documents.number[order]),
            customer_ids(batch, baskets.person[order]),
            words(names, campaign, campaign < 0),
            times(settings, baskets.time[order]),
            money(discount[order].astype(int)),
        ],
        schema=SCHEMAS["redemptions"],
    )


def reviews_table(batch: Batch, documents: Documents, people: int) -> pa.Table:
    """Feed of the reviews; nobody reviews a box."""
    baskets, settings, catalogue = batch.baskets, batch.settings, batch.catalogue
    generator = random(settings, batch.index, Stream.REVIEWS)
    is_reviewed = generator.random(len(baskets.order)) < settings.review_share
    is_reviewed &= baskets.product < catalogue.cells * catalogue.per_cell
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
    body = wording * nouns + noun_of(catalogue, product)
    rows = np.argsort(time, kind="stable")
    number = np.arange(len(rows)) + 1
    told = is_told(settings, baskets.person[order[rows]], time[rows], people)
    rows, number = rows[told], number[told]
    return pa.table(
        [
            numbered("R", batch, number),
            numbered("O", batch, documents.number[order[rows]]),
            customer_ids(batch, baskets.person[order[rows]]),
            product_ids(catalogue, product[rows]),
            pa.array(rating[rows].astype(np.int32)),
            words(titles, title[rows]),
            words(bodies, body[rows]),
            times(settings, time[rows]),
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


def noun_of(catalogue: Catalogue, product: Ints) -> Ints:
    """Return the position, among all nouns, of the one that ends a product's name."""
    nouns = len(next(iter(CATEGORIES.values())))
    category = product // catalogue.per_cell // len(GRADES)
    return category * nouns + product % catalogue.per_cell % nouns
