"""What people look at: visits, searches, lists of products, carts, checkouts.

Only people who let themselves be watched are in the feed. A trip's first visit looks at
products by the person's tastes and may leave the last one in the cart; the visit that
ends in an order buys its products. An order without a trip has a visit of its own.

A share of the first visits begins with a list of SHOWN products of one category, logged
as impressions with their positions. A product's place in the list is drawn by its
popularity (Plackett-Luce: the next place goes to one of those left with a chance in
proportion to the popularity). The person clicks on a product with chance

    EXAMINED[position] * attraction,

where the attraction depends on the person's tastes alone; a click is a view that bears
the position. What is shown does not change what is bought.

Searches name what the person then looks at, or, rarely, what the shop does not sell.
"""

from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Ints
from clv_warehouse.shop.baskets import RENEWAL, Baskets
from clv_warehouse.shop.goods import Catalogue, choose_product
from clv_warehouse.shop.people import People
from clv_warehouse.shop.seasons import month_of
from clv_warehouse.shop.settings import (
    Settings,
    Stream,
    at_daytime,
    choose_by_row,
    random,
)
from clv_warehouse.shop.trips import Trips
from clv_warehouse.shop.words import GRADES, NOT_SOLD

EVENT_TYPES = ("view", "cart", "purchase", "search", "impression", "checkout")
VIEW, CART, PURCHASE, SEARCH, IMPRESSION, CHECKOUT = range(6)
SEARCH_SHARE, NOT_SOLD_SHARE = 0.25, 0.04
MEAN_MORE_VIEWS = 0.7
# Of carts that are not bought at once, the share that reached the checkout.
ABANDONED_SHARE = 0.35

SHOWN = 8
# Chance that a person looks at the product at a position.
EXAMINED = np.array([0.95, 0.72, 0.56, 0.45, 0.37, 0.31, 0.27, 0.24])
# Log odds of a click on an examined product that is no better and no worse than others.
CLICK_LEVEL = -1.6

NONE = -1


@dataclass(frozen=True)
class Events:
    """Events in order of time, shape (e,); NONE where an attribute does not apply.

    Attributes:
        person: position in People.
        session: number of the visit.
        kind: position in EVENT_TYPES.
        product: position in the catalogue.
        position: place in the list, from 1.
        query: position in NOT_SOLD of what was searched and is not sold, NONE for the
            name of the product that the visit looks at next.
        time: seconds after midnight of the shop's first day.

    """

    person: Ints
    session: Ints
    kind: Ints
    product: Ints
    position: Ints
    query: Ints
    time: Ints


def attraction(
    catalogue: Catalogue, people: People, person: Ints, product: Ints
) -> Floats:
    """Chance that a person clicks on a product that they look at; broadcast arrays.

    It grows with the scalar product of the styles and with the person's share of the
    product's grade.
    """
    style = (catalogue.style[product] * people.style[person]).sum(axis=-1)
    shares = np.diff(people.grades, prepend=0.0)
    grade = product // catalogue.per_cell % len(GRADES)
    liking = np.log(shares[person, grade] * len(GRADES) + 0.05)
    return 1 / (1 + np.exp(-(CLICK_LEVEL + style + 0.5 * liking)))


def make_events(
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    trips: Trips,
    baskets: Baskets,
    batch: int,
) -> Events:
    """All events of the people who let themselves be watched."""
    generator = random(settings, batch, Stream.EVENTS)
    watched = np.flatnonzero(people.has_consented[trips.person])
    is_at_once = trips.is_order & (trips.start_day == trips.end_day)
    begin = np.where(
        is_at_once[watched],
        trips.end_time[watched] - generator.integers(1200, 3000, len(watched)),
        at_daytime(generator, trips.start_day[watched]),
    )
    parts = [
        _visits(generator, settings, catalogue, people, trips, watched, begin),
        _orders(generator, people, trips, baskets, is_at_once),
        _lists(settings, catalogue, people, trips, watched, begin, batch),
    ]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    by_time = np.argsort(columns[-1], kind="stable")
    return Events(*(column[by_time] for column in columns))


Part = tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints]


def _visits(
    generator: np.random.Generator,
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    trips: Trips,
    watched: Ints,
    begin: Ints,
) -> Part:
    """Return the events of the trips' first visits, apart from those of lists."""
    n = len(watched)
    has_search = generator.random(n) < SEARCH_SHARE
    has_cart = trips.has_cart[watched]
    is_dropped = has_cart & ~(
        trips.is_order[watched] & (trips.start_day == trips.end_day)[watched]
    )
    has_checkout = is_dropped & (generator.random(n) < ABANDONED_SHARE)
    views = 1 + generator.poisson(MEAN_MORE_VIEWS, n)
    events = has_search + views + has_cart + has_checkout
    visit = np.repeat(np.arange(n), events)
    place = np.arange(len(visit)) - (np.cumsum(events) - events)[visit]
    kind = np.full(len(visit), VIEW)
    kind[(place == 0) & has_search[visit]] = SEARCH
    from_end = events[visit] - 1 - place
    kind[(from_end == 0) & has_checkout[visit]] = CHECKOUT
    kind[(from_end == has_checkout[visit]) & has_cart[visit]] = CART
    trip = watched[visit]
    person, day = trips.person[trip], trips.start_day[trip]
    category = choose_by_row(generator, people.categories, person)
    grade = choose_by_row(generator, people.grades, person)
    product = choose_product(
        generator,
        catalogue,
        category * len(GRADES) + grade,
        people.style[person],
        people.novelty[person],
        day,
        month_of(settings.start, day),
    )
    # A search is for what comes next, a cart holds what came before.
    product = np.where(kind == CART, np.roll(product, 1), product)
    product = np.where(kind == SEARCH, np.roll(product, -1), product)
    product = np.where(kind == CHECKOUT, NONE, product)
    is_in_vain = (kind == SEARCH) & (generator.random(len(kind)) < NOT_SOLD_SHARE)
    word = generator.integers(len(NOT_SOLD), size=len(kind))
    time = begin[visit] + 60 * (place + 1) + generator.integers(0, 60, len(visit))
    no_position = np.full(len(kind), NONE)
    query = np.where(is_in_vain, word, NONE)
    return person, trip, kind, product, no_position, query, time


def _orders(
    generator: np.random.Generator,
    people: People,
    trips: Trips,
    baskets: Baskets,
    is_at_once: Bools,
) -> Part:
    """Return what visits that end in an order put into the cart, and buy."""
    is_watched = people.has_consented[baskets.person] & (baskets.kind != RENEWAL)
    order = np.flatnonzero(is_watched)
    line = np.flatnonzero(is_watched[baskets.order])
    of_line = baskets.order[line]
    trip = baskets.trip
    session = len(trips) + np.arange(len(baskets.person))
    is_same_visit = (trip >= 0) & is_at_once[trip]
    session = np.where(is_same_visit, trip, session)
    in_cart = baskets.time[of_line] - generator.integers(60, 300, len(line))
    at_checkout = baskets.time[order] - generator.integers(20, 50, len(order))
    product = baskets.product[line]
    none = np.full(2 * len(line) + len(order), NONE)
    of = np.concatenate([of_line, order, of_line])
    return (
        baskets.person[of],
        session[of],
        np.repeat([CART, CHECKOUT, PURCHASE], [len(line), len(order), len(line)]),
        np.concatenate([product, np.full(len(order), NONE), product]),
        none,
        none,
        np.concatenate([in_cart, at_checkout, baskets.time[of_line]]),
    )


def _lists(
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    trips: Trips,
    watched: Ints,
    begin: Ints,
    batch: int,
) -> Part:
    """Return the impressions of logged lists, and the clicks on them."""
    generator = random(settings, batch, Stream.SHOWN)
    logged = np.flatnonzero(generator.random(len(watched)) < settings.logged_share)
    trip = watched[logged]
    person, day = trips.person[trip], trips.start_day[trip]
    category = choose_by_row(generator, people.categories, person)
    room = catalogue.per_cell * len(GRADES)
    # All candidates of all lists at once would take much memory.
    shown = np.concatenate(
        [
            _top(
                generator,
                catalogue,
                category[part, None] * room + np.arange(room),
                day[part],
            )
            for part in np.array_split(np.arange(len(trip)), 1 + len(trip) // 2000)
        ]
    )
    row, place = np.nonzero(shown != NONE)
    product = shown[row, place]
    chance = EXAMINED[place] * attraction(catalogue, people, person[row], product)
    clicks = np.flatnonzero(generator.random(len(row)) < chance)
    kind = np.repeat([IMPRESSION, VIEW], [len(row), len(clicks)])
    time = np.concatenate([begin[logged][row], begin[logged][row][clicks] + 4])
    row, place, product = (
        np.concatenate([values, values[clicks]]) for values in (row, place, product)
    )
    time += 4 * place * (kind == VIEW)
    no_query = np.full(len(row), NONE)
    return person[row], trip[row], kind, product, place + 1, no_query, time


def _top(
    generator: np.random.Generator, catalogue: Catalogue, candidates: Ints, day: Ints
) -> Ints:
    """Return the lists, shape (m, SHOWN); NONE where there are too few candidates."""
    score = catalogue.popularity[candidates] + generator.gumbel(size=candidates.shape)
    score[~catalogue.is_on_sale(candidates, day[:, None])] = -np.inf
    lists = np.full((len(candidates), SHOWN), NONE)
    best = np.argsort(-score, axis=1)[:, :SHOWN]
    lists[:, : best.shape[1]] = np.where(
        np.isfinite(np.take_along_axis(score, best, axis=1)),
        np.take_along_axis(candidates, best, axis=1),
        NONE,
    )
    return lists
