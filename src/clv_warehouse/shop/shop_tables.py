"""Feeds of the shop as a whole: goods, calendar, campaigns, what advertising costs."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa

from clv_warehouse.shop.acquisition import PAID, size, spend
from clv_warehouse.shop.columns import PIECES, decimal, money, product_ids, times
from clv_warehouse.shop.contacts import EFFECT_DAYS, campaigns
from clv_warehouse.shop.goods import BOXES, CYCLES, Catalogue
from clv_warehouse.shop.people_tables import HOLD_OUT
from clv_warehouse.shop.schemas import OF_SHOP, SCHEMAS
from clv_warehouse.shop.seasons import DAYS_PLANNED, calendar
from clv_warehouse.shop.settings import (
    SECONDS_PER_DAY,
    Settings,
    ShopStream,
    shop_random,
)
from clv_warehouse.shop.words import CATEGORIES, COLOURS, GRADES, KINDS

# A vector of source "image" is a product's style, turned and with noise; one of source
# "noise" has nothing to do with the product.
VECTOR_LENGTH, VECTOR_NOISE = 8, 0.5
IMPRESSIONS_PER_CLICK = 35


def shop_tables(
    settings: Settings, catalogue: Catalogue, people: int
) -> dict[str, pa.Table]:
    """Rows of the feeds that no batch has, for a shop of so many people."""
    tables = {
        "products": _products(settings, catalogue),
        "product_vectors": _vectors(settings, catalogue),
        "calendar": _calendar(settings),
        "marketing_spend": _spend(settings, people),
        "campaigns": _campaigns(settings),
        "experiments": _experiments(settings),
    }
    assert tables.keys() == set(OF_SHOP)
    return tables


def _products(settings: Settings, catalogue: Catalogue) -> pa.Table:
    names, categories = [], []
    nouns_per_cell = len(next(iter(CATEGORIES.values())))
    for position in range(catalogue.cells * catalogue.per_cell):
        cell, place = divmod(position, catalogue.per_cell)
        category, nouns = list(CATEGORIES.items())[cell // len(GRADES)]
        shade, noun = divmod(place, nouns_per_cell)
        # Each noun of a cell goes with each colour once; cells differ in the order.
        adjectives = KINDS if category in CYCLES else COLOURS
        colour = adjectives[(shade + 3 * cell + noun) % len(adjectives)]
        names.append(f"{GRADES[cell % len(GRADES)]} {colour} {nouns[noun]}")
        categories.append(category)
    n = len(names) + len(BOXES)
    launched = np.append(catalogue.launched, [-1] * len(BOXES))
    withdrawn = np.append(catalogue.withdrawn, [10**6] * len(BOXES))
    # What is planned and has not happened by the shop's last day, nobody knows.
    is_known = launched <= settings.last_day
    has_left = withdrawn <= settings.last_day
    stock = np.where(has_left, 0, np.append(catalogue.stock, [200] * len(BOXES)))
    table = pa.table(
        [
            product_ids(catalogue, np.arange(n)),
            pa.array([*names, *BOXES]),
            pa.array([*categories, *(["Boxes"] * len(BOXES))]),
            money(catalogue.cost),
            decimal(stock * 1000, PIECES),
            times(settings, launched * SECONDS_PER_DAY, launched < 0),
            times(settings, withdrawn * has_left * SECONDS_PER_DAY, ~has_left),
        ],
        schema=SCHEMAS["products"],
    )
    return table.filter(pa.array(is_known))


def _vectors(settings: Settings, catalogue: Catalogue) -> pa.Table:
    generator = shop_random(settings, ShopStream.VECTORS)
    n, styles = catalogue.style.shape
    turn = generator.normal(size=(styles, VECTOR_LENGTH)) / np.sqrt(styles)
    noise = generator.normal(size=(2, n, VECTOR_LENGTH)) * VECTOR_NOISE
    vectors = np.concatenate([catalogue.style @ turn + noise[0], noise[1] * 2])
    table = pa.table(
        [
            product_ids(catalogue, np.tile(np.arange(n), 2)),
            pa.array(["image"] * n + ["noise"] * n),
            pa.array([json.dumps(row) for row in vectors.round(3).tolist()]),
        ],
        schema=SCHEMAS["product_vectors"],
    )
    is_known = np.tile(catalogue.launched <= settings.last_day, 2)
    return table.filter(pa.array(is_known))


def _calendar(settings: Settings) -> pa.Table:
    events = calendar(settings.start, settings.days + DAYS_PLANNED)
    return pa.table(
        [
            pa.array([event.day for event in events], pa.date32()),
            pa.array([event.name for event in events]),
            pa.array([event.kind for event in events]),
        ],
        schema=SCHEMAS["calendar"],
    )


def _spend(settings: Settings, people: int) -> pa.Table:
    """Money by day and paid campaign; days without any have no row."""
    generator = shop_random(settings, ShopStream.CLICKS)
    amount = np.rint(spend(settings) * size(settings, people) * 100).astype(np.int64)
    prices = np.array([source.price_per_click for source in PAID])
    clicks = generator.poisson(amount / 100 / prices)
    seen = generator.poisson(amount / 100 / prices * IMPRESSIONS_PER_CLICK)
    day, source = np.nonzero(amount)
    dates = np.datetime64(settings.start, "D") + day
    return pa.table(
        [
            pa.array(dates),
            pa.array([PAID[each].channel for each in source]),
            pa.array([PAID[each].campaign for each in source]),
            money(amount[day, source]),
            pa.array(["EUR"] * len(day)),
            pa.array(seen[day, source]),
            pa.array(clicks[day, source]),
        ],
        schema=SCHEMAS["marketing_spend"],
    )


def _campaigns(settings: Settings) -> pa.Table:
    start = dt.datetime.combine(settings.start, dt.time())
    rows: list[tuple[object, ...]] = [
        (source.campaign, source.campaign, source.channel, None, start, None)
        for source in PAID
    ]
    for campaign in campaigns(settings):
        began, ended = _days_of(settings, campaign.day)
        rows.append(
            (
                campaign.campaign_id,
                f"{campaign.design.name} {campaign.number + 1}",
                campaign.design.channel,
                campaign.coupon_code,
                began,
                ended,
            )
        )
    return _from_rows("campaigns", rows)


def _experiments(settings: Settings) -> pa.Table:
    start = dt.datetime.combine(settings.start, dt.time())
    hold_out = (HOLD_OUT, "Nobody writes to these", None, start, None)
    rows: list[tuple[object, ...]] = [hold_out]
    for campaign in campaigns(settings):
        if campaign.design.is_experiment:
            name = f"{campaign.design.name} {campaign.number + 1}"
            days = _days_of(settings, campaign.day)
            rows.append((campaign.experiment_id, name, campaign.campaign_id, *days))
    return _from_rows("experiments", rows)


def _days_of(settings: Settings, day: int) -> tuple[dt.datetime, dt.datetime]:
    """Return the day of sending and the end of the effect."""
    began = dt.datetime.combine(settings.start, dt.time()) + dt.timedelta(days=day)
    return began, began + dt.timedelta(days=EFFECT_DAYS + 1)


def _from_rows(feed: str, rows: list[tuple[object, ...]]) -> pa.Table:
    names = SCHEMAS[feed].names
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(records, schema=SCHEMAS[feed])
