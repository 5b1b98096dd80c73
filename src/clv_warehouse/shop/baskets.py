"""What people buy: orders, lines, what they order again, subscriptions, returns."""

from dataclasses import dataclass, fields

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Ints
from clv_warehouse.shop.goods import Catalogue, choose_product
from clv_warehouse.shop.people import REFILL_CHANCES, People
from clv_warehouse.shop.seasons import month_of
from clv_warehouse.shop.settings import (
    SECONDS_PER_DAY,
    Settings,
    Stream,
    at_daytime,
    choose,
    choose_by_row,
    random,
)
from clv_warehouse.shop.trips import Trips
from clv_warehouse.shop.words import GRADES

# Chances of 0, 1, ... days from a purchase to its return.
RETURN_CHANCES = np.array([0.0] * 3 + [1 / 19] * 19)
QUANTITY_CHANCES = np.array([0.78, 0.14, 0.05, 0.03])
MEAN_QUANTITY = float(QUANTITY_CHANCES @ np.arange(1, len(QUANTITY_CHANCES) + 1))

# Subscriptions: months from one renewal to the next by plan, the plans' shares, the
# chance that one ends after a period, and the last day of a month that may renew.
PLAN_MONTHS, PLAN_SHARES, ENDING = np.array([1, 3]), np.array([0.7, 0.3]), 0.08
LATEST_RENEWAL = 28

TRIP, REFILL, RENEWAL = range(3)
NEVER = -1


@dataclass(frozen=True)
class Subscriptions:
    """Subscriptions, shape (s,), of one box each.

    Attributes:
        person: position in People.
        plan: position in BOXES and PLAN_MONTHS.
        started: day of the first renewal, which is that of the person's first order.
        periods: renewals until it ends.

    """

    person: Ints
    plan: Ints
    started: Ints
    periods: Ints


@dataclass(frozen=True)
class Baskets:
    """What was ordered. Orders in order of time, shape (o,), then their lines, (l,).

    Attributes:
        person: of the order, position in People.
        day, time: of the order; seconds after midnight of the first day.
        kind: of the order: TRIP, REFILL or RENEWAL.
        trip: of the order, position among the trips; -1 if it has none.
        has_coupon: of the order.
        order: of the line, position among the orders.
        discount: cents off the line as a whole.
        return_chance: what it was before it was known whether the line comes back.
        return_day: the day on which the line comes back; -1 if it never does.
        is_refund: whether the feed refunds tells of it, not an order of its own.
        refill_day: the day on which the person orders the line's product again, if
            they are still here then; -1 if they never do.

    """

    person: Ints
    day: Ints
    time: Ints
    kind: Ints
    trip: Ints
    has_coupon: Bools
    is_cancelled: Bools
    is_shipped: Bools
    order: Ints
    product: Ints
    quantity: Ints
    discount: Ints
    amount: Ints
    return_chance: Floats
    return_day: Ints
    is_refund: Bools
    refill_day: Ints


def make_subscriptions(settings: Settings, people: People, batch: int) -> Subscriptions:
    """Subscriptions of a batch; they begin with the first order."""
    generator = random(settings, batch, Stream.SUBSCRIPTIONS)
    n = len(people)
    wants = generator.random(n) < settings.subscriber_share
    plan = choose(generator, PLAN_SHARES, n)
    periods = generator.geometric(ENDING, n)
    person = np.flatnonzero(wants & ~people.is_guest)
    return Subscriptions(person, plan[person], people.acquired[person], periods[person])


def renewal_day(settings: Settings, started: Ints, plan: Ints, number: Ints) -> Ints:
    """Day of a renewal: the same day of a later month, the 28th at the latest."""
    first = np.datetime64(settings.start, "D") + started
    month = first.astype("datetime64[M]")
    day = np.minimum((first - month).astype(np.int64), LATEST_RENEWAL - 1)
    later = month + number * PLAN_MONTHS[plan]
    renewed = later.astype("datetime64[D]") + day - np.datetime64(settings.start, "D")
    return np.where(number == 0, started, renewed.astype(np.int64))


def make_baskets(
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    trips: Trips,
    subscriptions: Subscriptions,
    batch: int,
) -> Baskets:
    """All orders; those in which a trip ends after the shop's last day included."""
    generator = random(settings, batch, Stream.BASKETS)
    parts = [_from_trips(generator, settings, catalogue, people, trips)]
    parts += _refills(settings, catalogue, people, parts[0], batch)
    parts.append(_renewals(settings, catalogue, people, subscriptions, batch))
    joined = _joined(parts)

    person = joined.person[joined.order]
    gross = catalogue.cell_price[joined.cell] * joined.quantity
    discount = joined.has_coupon[joined.order] * gross * settings.coupon_percent // 100
    return_chance = people.returns[person] * catalogue.cell_return[joined.cell]
    return_chance = np.where(joined.is_cancelled[joined.order], 0.0, return_chance)
    returning = random(settings, batch, Stream.RETURNS)
    delay = choose(returning, RETURN_CHANCES, len(gross))
    is_returned = returning.random(len(gross)) < return_chance
    return_day = np.where(is_returned, joined.day[joined.order] + delay, NEVER)
    return Baskets(
        person=joined.person,
        day=joined.day,
        time=joined.time,
        kind=joined.kind,
        trip=joined.trip,
        has_coupon=joined.has_coupon,
        is_cancelled=joined.is_cancelled,
        is_shipped=joined.is_shipped,
        order=joined.order,
        product=_products(settings, catalogue, people, joined, batch),
        quantity=joined.quantity,
        discount=discount,
        amount=gross - discount,
        return_chance=return_chance,
        return_day=return_day,
        is_refund=returning.random(len(gross)) < settings.refund_share,
        refill_day=joined.refill_day,
    )


@dataclass(frozen=True)
class _Part:
    """Orders of one kind and their lines, before their products are known.

    Attributes:
        cell: of the line, position among the catalogue's cells.
        repeats: of the line, the number of the line whose product it orders again,
            counted over all parts; -1 for none.

    """

    person: Ints
    day: Ints
    time: Ints
    kind: Ints
    trip: Ints
    has_coupon: Bools
    is_cancelled: Bools
    is_shipped: Bools
    order: Ints
    cell: Ints
    quantity: Ints
    refill_day: Ints
    repeats: Ints


OF_ORDER = [field.name for field in fields(_Part)][:8]
OF_LINE = [field.name for field in fields(_Part)][8:]


def _from_trips(
    generator: np.random.Generator,
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    trips: Trips,
) -> _Part:
    """Return the orders in which trips end."""
    trip = np.flatnonzero(trips.is_order)
    person, day = trips.person[trip], trips.end_day[trip]
    n = len(trip)
    has_coupon = generator.random(n) < people.coupon[person]
    is_cancelled = generator.random(n) < settings.cancelled_share
    lines = 1 + generator.poisson(people.extra_lines[person])
    order = np.repeat(np.arange(n), lines)
    category = choose_by_row(generator, people.categories, person[order])
    grade = choose_by_row(generator, people.grades, person[order])
    cell = category * len(GRADES) + grade
    return _Part(
        person=person,
        day=day,
        time=trips.end_time[trip],
        kind=np.full(n, TRIP),
        trip=trip,
        has_coupon=has_coupon | (trips.campaign[trip] >= 0),
        is_cancelled=is_cancelled,
        is_shipped=generator.random(n) < settings.shipped_share,
        order=order,
        cell=cell,
        quantity=1 + choose(generator, QUANTITY_CHANCES, len(order)),
        refill_day=_refill_days(
            generator,
            catalogue,
            people,
            person[order],
            cell,
            day[order],
            is_cancelled[order],
        ),
        repeats=np.full(len(order), -1),
    )


def _refill_days(
    generator: np.random.Generator,
    catalogue: Catalogue,
    people: People,
    person: Ints,
    cell: Ints,
    day: Ints,
    is_cancelled: Bools,
) -> Ints:
    """Return when each line's product is ordered again; -1 for never."""
    wants = generator.random(len(cell)) < REFILL_CHANCES[people.habit[person]]
    wants &= (catalogue.cycle[cell] > 0) & ~is_cancelled
    refill_day = np.full(len(cell), NEVER)
    for each in np.flatnonzero(catalogue.cycle):
        rows = np.flatnonzero(wants & (cell == each))
        delay = 1 + choose(generator, catalogue.cycle_chances(each), len(rows))
        refill_day[rows] = day[rows] + delay
    return refill_day


def _refills(
    settings: Settings, catalogue: Catalogue, people: People, bought: _Part, batch: int
) -> list[_Part]:
    """Return orders that repeat a line, then those that repeat these, and so on."""
    generator = random(settings, batch, Stream.REFILLS)
    parts, before, numbers = [], bought, np.arange(len(bought.order))
    while len(before.order):
        person = before.person[before.order]
        latest = np.minimum(people.last_day[person], settings.last_day)
        again = (before.refill_day >= 0) & (before.refill_day <= latest)
        person, cell, day = person[again], before.cell[again], before.refill_day[again]
        n = len(day)
        is_cancelled = generator.random(n) < settings.cancelled_share
        first_number = numbers[-1] + 1
        before = _Part(
            person=person,
            day=day,
            time=at_daytime(generator, day),
            kind=np.full(n, REFILL),
            trip=np.full(n, -1),
            has_coupon=generator.random(n) < people.coupon[person],
            is_cancelled=is_cancelled,
            is_shipped=generator.random(n) < settings.shipped_share,
            order=np.arange(n),
            cell=cell,
            quantity=1 + choose(generator, QUANTITY_CHANCES, n),
            refill_day=_refill_days(
                generator, catalogue, people, person, cell, day, is_cancelled
            ),
            repeats=numbers[again],
        )
        numbers = first_number + np.arange(n)
        parts.append(before)
    return parts


def _renewals(
    settings: Settings,
    catalogue: Catalogue,
    people: People,
    subscriptions: Subscriptions,
    batch: int,
) -> _Part:
    """Return an order of one box for each renewal by the shop's last day."""
    generator = random(settings, batch, Stream.RENEWALS)
    row = np.repeat(np.arange(len(subscriptions.person)), subscriptions.periods)
    number = np.arange(len(row)) - np.repeat(
        np.cumsum(subscriptions.periods) - subscriptions.periods, subscriptions.periods
    )
    plan = subscriptions.plan[row]
    day = renewal_day(settings, subscriptions.started[row], plan, number)
    told = day <= settings.last_day
    row, plan, day = row[told], plan[told], day[told]
    n = len(row)
    return _Part(
        person=subscriptions.person[row],
        day=day,
        # In the night, before anybody shops.
        time=day * SECONDS_PER_DAY + generator.integers(3600, 7200, n),
        kind=np.full(n, RENEWAL),
        trip=np.full(n, -1),
        has_coupon=np.zeros(n, dtype=bool),
        is_cancelled=np.zeros(n, dtype=bool),
        is_shipped=np.zeros(n, dtype=bool),
        order=np.arange(n),
        cell=catalogue.cells + plan,
        quantity=np.ones(n, dtype=np.int64),
        refill_day=np.full(n, NEVER),
        repeats=np.full(n, -1),
    )


def _joined(parts: list[_Part]) -> _Part:
    """Return all orders in order of time, and their lines."""
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in OF_ORDER + OF_LINE
    }
    orders = [len(part.person) for part in parts]
    order = columns["order"] + np.repeat(
        np.cumsum(orders) - orders, [len(part.order) for part in parts]
    )
    by_time = np.argsort(columns["time"], kind="stable")
    place = np.empty_like(by_time)
    place[by_time] = np.arange(len(by_time))
    order = place[order]
    lines = np.argsort(order, kind="stable")
    number = np.empty_like(lines)
    number[lines] = np.arange(len(lines))
    repeats = columns["repeats"]
    columns["order"] = order
    columns["repeats"] = np.where(repeats < 0, -1, number[repeats])
    return _Part(
        **{name: columns[name][by_time] for name in OF_ORDER},
        **{name: columns[name][lines] for name in OF_LINE},
    )


def _products(
    settings: Settings, catalogue: Catalogue, people: People, lines: _Part, batch: int
) -> Ints:
    """Return the product of each line.

    What a person has bought of a cell changes what they buy of it next. So the first
    lines of all persons and cells are chosen together, then all second ones, and so on.
    """
    generator = random(settings, batch, Stream.PRODUCTS)
    product = catalogue.cells * catalogue.per_cell + lines.cell - catalogue.cells
    goods = np.flatnonzero(lines.cell < catalogue.cells)
    person, day = lines.person[lines.order], lines.day[lines.order]
    month = month_of(settings.start, day)
    key = person[goods] * catalogue.cells + lines.cell[goods]
    _, group, count = np.unique(key, return_inverse=True, return_counts=True)
    in_group = np.argsort(group, kind="stable")
    rank = np.empty(len(goods), dtype=np.int64)
    rank[in_group] = np.arange(len(goods)) - np.repeat(np.cumsum(count) - count, count)
    had = np.full((len(count), catalogue.per_cell), NEVER, dtype=np.int32)
    by_rank = np.argsort(rank, kind="stable")
    for rows in np.split(by_rank, np.cumsum(np.bincount(rank))[:-1]):
        line, owner = goods[rows], group[rows]
        repeated = lines.repeats[line]
        again = product[np.maximum(repeated, 0)]
        is_again = repeated >= 0
        is_again &= catalogue.is_on_sale(np.where(is_again, again, 0), day[line])
        chosen = np.where(is_again, again, 0)
        new = np.flatnonzero(~is_again)
        chosen[new] = choose_product(
            generator,
            catalogue,
            lines.cell[line[new]],
            people.style[person[line[new]]],
            people.novelty[person[line[new]]],
            day[line[new]],
            month[line[new]],
            had[owner[new]],
        )
        product[line] = chosen
        had[owner, chosen % catalogue.per_cell] = day[line]
    return product
