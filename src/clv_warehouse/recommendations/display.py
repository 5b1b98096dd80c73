"""Puts products in the order in which to show them, by what a look at them leaves.

A list goes from the best to the worst expected margin per look, with two exceptions. No
more than MOST_ALIKE products of one kind follow each other where another kind is left:
on the shop's front page a kind is a category, on a category's page a third of its
prices. And at the places EXPLORED, a product is drawn by chance (Thompson 1933): of
WORLDS rates that may be true, one is drawn, and the product that would be best in that
world is shown. The share of the worlds in which it is best is its propensity, so what
the place then earns can judge other orders (learning/off_policy.py).
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clv_warehouse.engines.doorway import doorway
from clv_warehouse.engines.relation import Relation
from clv_warehouse.project.arrays import Bools, Floats, Ints
from clv_warehouse.recommendations.rates import (
    Rates,
    by_product,
    by_segment,
    looked_at,
)

PLACES = 200
MOST_ALIKE = 3
# One place in ten of the first fifty; below, too few people look to learn anything.
EXPLORED = range(5, 50, 10)
WORLDS = 1000
# Products that are tried at an explored place: those that may be the best of the rest.
CANDIDATES = 200
# Fewer clicks or purchases than these say less than the orders of all customers do.
FEWEST_RESPONSES = 100
ALL = "all"
SCHEMA = pa.schema(
    [
        ("segment", pa.string()),
        ("category", pa.string()),
        ("place", pa.int32()),
        ("product_id", pa.string()),
        ("basis", pa.string()),
        ("click_rate", pa.float64()),
        ("purchase_rate", pa.float64()),
        ("usual_margin", pa.float64()),
        ("score", pa.float64()),
        ("score_error", pa.float64()),
        ("expected_margin", pa.float64()),
        ("is_explored", pa.bool_()),
        ("propensity", pa.float64()),
    ]
)


@doorway
def display(counts: Relation, products: Relation, dates: Relation) -> pa.Table:
    """Order the offered products of each page, for each segment.

    `counts` are rows of display_counts, `products` of offered_products and `dates` of
    as_of_dates. Without any click, purchase or order there are no rows.
    """
    (day,) = dates.filter("is_scoring_date").aggregate("max(as_of_date)").fetchall()[0]
    keys = ("response", "segment", "product_id", "position")
    told = counts.to_arrow_table().sort_by([(key, "ascending") for key in keys])
    if day is None or not told.num_rows:
        return SCHEMA.empty_table()
    goods = Goods.of(products.order("product_id").to_arrow_table())
    rows = ordered(Responses.of(told, goods), goods, day)
    return pa.concat_tables([SCHEMA.empty_table(), *rows])


@dataclass(frozen=True)
class Goods:
    """The products, shape (p,), in order of their ids.

    Attributes:
        ids: the products.
        names: the categories; the last one, None, is that of products without one.
        category: of each product, as a place in names.
        level: which third of its category's prices it belongs to.
        margin: what a usual purchase leaves.
        is_offered: whether it may be shown.

    """

    ids: pa.Array
    names: list[str | None]
    category: Ints
    level: Ints
    margin: Floats
    is_offered: Bools

    @classmethod
    def of(cls, products: pa.Table) -> "Goods":
        """Read rows of offered_products.

        A product that nobody bought within the year has the mean of its category, or of
        the shop.
        """
        said = products["category"].to_pylist()
        names: list[str | None] = [*sorted({each for each in said if each}), None]
        place = {name: number for number, name in enumerate(names)}
        category = np.array([place[each or None] for each in said], np.int64)
        amount = products["usual_amount"].to_numpy().astype(np.float64)
        known = np.isfinite(amount)
        count = np.bincount(category[known], minlength=len(names))
        total = np.bincount(category[known], amount[known], len(names))
        shop = total.sum() / max(count.sum(), 1)
        amount = np.where(known, amount, ((total + shop) / (count + 1))[category])
        return cls(
            ids=products["product_id"].combine_chunks(),
            names=names,
            category=category,
            level=price_levels(amount, category),
            margin=amount * products["margin"].to_numpy(),
            is_offered=products["is_offered"].to_numpy(zero_copy_only=False),
        )


def price_levels(amount: Floats, category: Ints) -> Ints:
    """Which third of its category's prices each product belongs to, 0 the cheapest."""
    order = np.lexsort((np.arange(len(amount)), amount, category))
    count = np.bincount(category)
    first = np.cumsum(count) - count
    level = np.empty(len(amount), np.int64)
    level[order] = np.arange(len(amount)) - first[category[order]]
    return level * 3 // count[category]


@dataclass(frozen=True)
class Responses:
    """What each segment was shown and did.

    Attributes:
        segments: those that are known; customers of none count for the shop only.
        basis: what a look is: impression, view or day.
        counts: by kind of response, responses and chances of the shop, shape (p,),
            and of the segments, shape (segments, p).

    """

    segments: list[str]
    basis: str
    counts: dict[str, tuple[Floats, Floats, Floats, Floats]]

    @classmethod
    def of(cls, told: pa.Table, goods: Goods) -> "Responses":
        """Read rows of display_counts."""
        said = told["segment"].to_pylist()
        segments = sorted({each for each in said if each})
        place = {name: number for number, name in enumerate(segments)}
        segment = np.array([place.get(each, len(segments)) for each in said], np.int64)
        product = pc.index_in(told["product_id"], goods.ids)
        product = product.fill_null(-1).to_numpy().astype(np.int64)
        kind = np.array(told["response"].to_pylist(), object)
        responses, chances = (
            told[name].to_numpy().astype(np.float64)
            for name in ("responses", "chances")
        )
        position = told["position"].to_numpy().astype(np.int64)
        clicks = np.flatnonzero((kind == "click") & (product >= 0))
        if len(clicks):
            effects = looked_at(
                product[clicks], position[clicks], chances[clicks], responses[clicks]
            )
            chances[clicks] *= np.array([effects[each] for each in position[clicks]])
        counts: dict[str, tuple[Floats, Floats, Floats, Floats]] = {}
        shape = (len(segments) + 1, len(goods.ids))
        for name in ("click", "purchase", "order"):
            those = np.flatnonzero((kind == name) & (product >= 0))
            cell = np.ravel_multi_index((segment[those], product[those]), shape)
            size = shape[0] * shape[1]
            done, could = (
                np.bincount(cell, each[those], size).astype(np.float64).reshape(shape)
                for each in (responses, chances)
            )
            if done.sum() >= FEWEST_RESPONSES or name == "order":
                counts[name] = (done.sum(0), could.sum(0), done[:-1], could[:-1])
        if len(counts) > 1:
            del counts["order"]
        bases = {"click": "impression", "purchase": "view", "order": "day"}
        return cls(segments, bases[next(iter(counts))], counts)


def ordered(responses: Responses, goods: Goods, day: date) -> Iterator[pa.Table]:
    """Order all pages for all segments."""
    whole, of_segments = {}, {}
    for name, (done, could, segment_done, segment_could) in responses.counts.items():
        whole[name] = by_product(done, could, goods.category)
        of_segments[name] = by_segment(
            segment_done, segment_could, whole[name], goods.level
        )
    offered = np.flatnonzero(goods.is_offered)
    pages: list[tuple[str | None, Ints, Ints]] = [
        (None, offered, goods.category[offered])
    ]
    for number, category in enumerate(goods.names[:-1]):
        of_page = offered[goods.category[offered] == number]
        pages.append((category, of_page, goods.level[of_page]))
    for number, segment in enumerate([ALL, *responses.segments]):
        rates = whole
        if number:
            rates = {
                name: Rates(each.mean[number - 1], each.shape[number - 1])
                for name, each in of_segments.items()
            }
        for category, of_page, kind in pages:
            seed = zlib.crc32(f"{day}|{segment}|{category}".encode())
            page = _page(rates, goods, of_page, kind, np.random.default_rng(seed))
            size = page.num_rows
            labels = {
                "segment": pa.repeat(segment, size),
                "category": pa.repeat(pa.scalar(category, pa.string()), size),
                "basis": pa.repeat(responses.basis, size),
            }
            yield pa.table(
                [
                    labels[name] if name in labels else page[name]
                    for name in SCHEMA.names
                ],
                schema=SCHEMA,
            )


def _page(
    rates: dict[str, Rates],
    goods: Goods,
    of_page: Ints,
    kind: Ints,
    generator: np.random.Generator,
) -> pa.Table:
    """Return the rows of one page, without their labels."""
    here = {
        name: Rates(each.mean[of_page], each.shape[of_page])
        for name, each in rates.items()
    }
    margin = goods.margin[of_page]
    value, squares = margin.copy(), np.ones(len(of_page))
    for each in here.values():
        value *= each.mean
        squares *= 1 + 1 / each.shape
    error = np.abs(value) * np.sqrt(squares - 1)

    def worlds(those: Ints) -> Floats:
        found = np.tile(margin[those], (WORLDS, 1))
        for each in here.values():
            found *= Rates(each.mean[those], each.shape[those]).draw(generator, WORLDS)
        return found

    place, propensity = arranged(value, error, kind, worlds, generator)
    none = pa.nulls(len(place), pa.float64())
    bought = here.get("purchase", here.get("order"))
    return pa.table(
        {
            "place": pa.array(np.arange(1, len(place) + 1), pa.int32()),
            "product_id": goods.ids.take(pa.array(of_page[place])),
            "click_rate": here["click"].mean[place] if "click" in here else none,
            "purchase_rate": bought.mean[place] if bought else none,
            "usual_margin": margin[place],
            "score": value[place],
            "score_error": error[place],
            "expected_margin": value[place] if bought else none,
            "is_explored": [number in EXPLORED for number in range(1, len(place) + 1)],
            "propensity": propensity,
        }
    )


def arranged(
    value: Floats,
    error: Floats,
    kind: Ints,
    worlds: Callable[[Ints], Floats],
    generator: np.random.Generator,
) -> tuple[Ints, Floats]:
    """Arrange products by value; return their places and the chances of getting them.

    `worlds` draws values that may be true of some products, shape (WORLDS, m). Values
    are rounded before they are compared: the last bit of a sum decides nothing.
    """
    order = np.argsort(-np.round(value, 9), kind="stable")
    tried = np.argsort(-np.round(value + 2 * error, 9), kind="stable")[:CANDIDATES]
    drawn = worlds(tried) if len(value) >= EXPLORED[0] else np.zeros((1, len(tried)))
    is_left = np.ones(len(value), bool)
    chosen: list[int] = []
    propensity: list[float] = []
    while len(chosen) < min(PLACES, len(value)):
        fits = is_left
        last = kind[chosen[-MOST_ALIKE:]]
        if len(last) == MOST_ALIKE and (last == last[0]).all():
            others = is_left & (kind != last[0])
            fits = others if others.any() else is_left
        best, chance = int(order[fits[order]][0]), 1.0
        may = fits[tried]
        if len(chosen) + 1 in EXPLORED and may.any():
            winner = tried[may][drawn[:, may].argmax(axis=1)]
            best = int(winner[generator.integers(len(winner))])
            chance = float((winner == best).mean())
        is_left[best] = False
        chosen.append(best)
        propensity.append(chance)
    return np.array(chosen, np.int64), np.array(propensity)
