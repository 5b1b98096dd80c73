"""Computes exactly what a customer of the made-up shop will spend on average.

At the end of day t the process knows the customer's traits, whether they are still
here, the trips they have begun, the campaigns that wrote to them, the lines they have
bought, not sent back and not ordered again, and their subscription. The mean spend up
to the end of day t + h, net of returns, is the sum of five parts:

1. New trips. A share exp(-dropout * u) of the customers is still here u days later.
   They begin rate / conversion * season(t + u) trips, times the factor of the contacts;
   `conversion` of these end in an order. Of the mean amount of an order, the share
   whose lead is at most h - u days is spent by the end. Of its mean refund, the share
   whose lead and return delay are at most h - u days is paid back by then. (The factor
   for the cart is 1 on average.)
2. Trips that have begun and not ended. They end in an order with the chance that
   conversion and cart give.
3. What is ordered again: of lines that 1 and 2 will bring, of lines bought and not yet
   ordered again, and of these orders in turn. An order is repeated after w days with
   density f(w), its repetition again, and so on: the density of all of them is f + c
   f*f + c^2 f*f*f + ..., where * is a convolution and c the share of orders that are
   not cancelled. The customer must still be here on the day.
4. Renewals of a subscription.
5. Lines that may still come back. If a line comes back with chance p and has not done
   so after x days, its chance is p * G(x) / (1 - p * (1 - G(x))), where G(x) is the
   share of longer delays.

Contacts to come are taken at their chances: campaigns go on as planned after the shop's
last day, each customer is assigned to an arm by chance, and some leave the list.

The means of an order follow from the customer's tastes; nothing is estimated. The sum
can be below zero just after a large order of a customer who has left. Guests have no
truth. Horizons must be long enough for parts 2 and 5 to be over by their end.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Ints
from clv_warehouse.shop.baskets import (
    ENDING,
    MEAN_QUANTITY,
    RETURN_CHANCES,
    renewal_day,
)
from clv_warehouse.shop.contacts import (
    COUPON,
    COUPON_USE,
    EFFECT_DAYS,
    LEAVE_LIST,
    LIFTS,
    MAIL,
    NO_OFFER,
    POSTCARD,
    Campaign,
    campaigns,
    may_be_contacted,
)
from clv_warehouse.shop.goods import BOX_PRICES
from clv_warehouse.shop.people import REFILL_CHANCES
from clv_warehouse.shop.process import Batch
from clv_warehouse.shop.seasons import season
from clv_warehouse.shop.settings import SECONDS_PER_DAY, Settings
from clv_warehouse.shop.trips import LEAD_CHANCES, order_chance

HORIZONS = (30, 91, 182, 365)
# The offers that do something; the newsletter does nothing.
EFFECTIVE_OFFERS = (MAIL, COUPON, POSTCARD)
SHORTEST_HORIZON = len(LEAD_CHANCES) + len(RETURN_CHANCES) - 2


@dataclass(frozen=True)
class Truth:
    """Expected spend in cents, shape (k, horizons), of the people at `position`."""

    position: Ints
    spend: Floats


def expected_spend(
    batch: Batch, as_of_day: int, horizons: Sequence[int] = HORIZONS
) -> Truth:
    """Return the spend expected of customers acquired by `as_of_day`, by horizon.

    Raises ValueError for a day outside the shop's days, or for a horizon too short.
    """
    if not 0 <= as_of_day <= batch.settings.last_day:
        raise ValueError(
            f"day {as_of_day} is none of the shop's, which are 0 to "
            f"{batch.settings.last_day}"
        )
    if min(horizons) < SHORTEST_HORIZON:
        raise ValueError(
            f"horizon {min(horizons)}: it must be {SHORTEST_HORIZON} days or longer"
        )
    people = batch.people
    means = OrderMeans.of(batch)
    ahead = _Ahead.of(batch, as_of_day, horizons)
    spend = np.zeros((len(people), len(horizons)))
    for group in _groups(batch, as_of_day, len(ahead.days)):
        spend[group.position] += _new_trips(batch, means, ahead, group)
    spend += _under_way(batch, means, ahead)
    spend += _repeated(batch, means, ahead)
    spend += _renewed(batch, as_of_day, horizons)
    spend -= _refunds_due(batch, as_of_day)[:, None]
    known = np.flatnonzero((people.acquired <= as_of_day) & ~people.is_guest)
    return Truth(known, spend[known])


@dataclass(frozen=True)
class OrderMeans:
    """Mean cents of an order that is not cancelled, per person and without any coupon.

    Attributes:
        goods: of the goods of an order of a trip, shape (n,).
        refund: of what comes back of them, shape (n,).
        again, again_refund: of the goods of a line that is ordered again, and of what
            comes back, by cell of what is used up, shape (cells,); the latter is for a
            person who sends back every line of a cell of factor 1.
        lines: lines of these cells in an order of a trip, shape (n, cells).
        shipping: of an order.
        paid: share of the price that is paid where no campaign's coupon is used, (n,).
        off: share that a campaign's coupon takes off on top of this, shape (n,).

    """

    goods: Floats
    refund: Floats
    again: Floats
    again_refund: Floats
    lines: Floats
    shipping: float
    paid: Floats
    off: Floats

    @classmethod
    def of(cls, batch: Batch) -> "OrderMeans":
        """Means of a batch's people."""
        settings, people, catalogue = batch.settings, batch.people, batch.catalogue
        categories = np.diff(people.categories, prepend=0.0)
        grades = np.diff(people.grades, prepend=0.0)
        shape = (categories.shape[1], grades.shape[1])
        n = catalogue.cells
        price = catalogue.cell_price[:n].astype(float)
        back = price * catalogue.cell_return[:n]
        lines = 1 + people.extra_lines

        def mean(values: Floats) -> Floats:
            """Mean of a value by cell over a person's tastes."""
            return ((categories @ values.reshape(shape)) * grades).sum(axis=1)

        used_up = np.flatnonzero(catalogue.cycle)
        category, grade = np.divmod(used_up, shape[1])
        percent = settings.coupon_percent / 100
        return cls(
            goods=lines * MEAN_QUANTITY * mean(price),
            refund=lines * MEAN_QUANTITY * mean(back) * people.returns,
            again=MEAN_QUANTITY * price[used_up],
            again_refund=MEAN_QUANTITY * back[used_up],
            lines=lines[:, None] * categories[:, category] * grades[:, grade],
            shipping=settings.shipped_share * settings.shipping_cents,
            paid=1 - percent * people.coupon,
            off=percent * (1 - people.coupon),
        )


@dataclass(frozen=True)
class _Ahead:
    """The days after the as-of day, shape (d,), and what happens within each horizon.

    Attributes:
        made, refunded: share of the orders of trips begun on a day that is made, and
            sent back, by the end of each horizon, shape (d, horizons).
        told, told_refunded: the same of orders made on that day without a trip.
        again: density of orders that repeat a line bought on day 0, and of orders that
            repeat these, by habit and cell, shape (habits, cells, d + 1).

    """

    as_of_day: int
    days: Ints
    made: Floats
    refunded: Floats
    told: Floats
    told_refunded: Floats
    again: Floats

    @classmethod
    def of(cls, batch: Batch, as_of_day: int, horizons: Sequence[int]) -> "_Ahead":
        """Return the days up to the longest horizon."""
        days = np.arange(1, max(horizons) + 1)
        left = np.array(horizons) - days[:, None]
        going = 1 - batch.settings.cancelled_share
        used_up = np.flatnonzero(batch.catalogue.cycle)
        again = np.zeros((len(REFILL_CHANCES), len(used_up), len(days) + 1))
        for habit, chance in enumerate(REFILL_CHANCES):
            for place, cell in enumerate(used_up):
                once = chance * np.append(0.0, batch.catalogue.cycle_chances(cell))
                again[habit, place] = _renewal_density(once, going, len(days))
        return cls(
            as_of_day=as_of_day,
            days=days,
            made=_within(LEAD_CHANCES, left),
            refunded=_within(np.convolve(LEAD_CHANCES, RETURN_CHANCES), left),
            told=_within(np.ones(1), left),
            told_refunded=_within(RETURN_CHANCES, left),
            again=again,
        )


def _renewal_density(once: Floats, share: float, days: int) -> Floats:
    """Return once + share once*once + ..., for the days 0 to `days`."""
    total = np.zeros(days + 1)
    term = once
    while term.sum() > 0:
        total[: len(term)] += term[: days + 1]
        term = share * np.convolve(term, once)[: days + 1]
    return total


@dataclass(frozen=True)
class _Group:
    """People whose trips have one intensity by day, but for their own rate.

    Attributes:
        position: in People, shape (g,).
        intensity: factor on the rate by day ahead, shape (d,).
        couponed: the part of it that uses a campaign's coupon.

    """

    position: Ints
    habit: int
    intensity: Floats
    couponed: Floats


def _groups(batch: Batch, as_of_day: int, days: int) -> Iterator[_Group]:
    """Groups of the people who are still here at the end of a day."""
    settings, people, contacts = batch.settings, batch.people, batch.contacts
    seasons = season(settings.start, as_of_day + 1 + days)[:, as_of_day + 1 :]
    # The offer whose effect goes on after the day; campaigns do not overlap.
    offer = np.full(len(people), NO_OFFER)
    for campaign in campaigns(settings, as_of_day):
        if as_of_day < campaign.day + EFFECT_DAYS:
            rows = contacts.campaign == campaign.number
            offer[contacts.person[rows]] = contacts.offer[rows]
    is_listed = is_on_list(batch, as_of_day).astype(np.int64)
    traits = [people.is_gift_buyer, people.response, people.habit, is_listed, offer]
    kinds, kind = np.unique(np.stack(traits), axis=1, return_inverse=True)
    here = (people.last_day >= as_of_day) & (people.acquired <= as_of_day)
    for number, (gift, response, habit, listed, now) in enumerate(kinds.T):
        factor, coupon = _contacted(
            settings, as_of_day, days, response, bool(listed), now
        )
        position = np.flatnonzero((kind.ravel() == number) & here)
        yield _Group(position, habit, seasons[gift] * factor, seasons[gift] * coupon)


def _contacted(
    settings: Settings,
    as_of_day: int,
    days: int,
    response: int,
    is_listed: bool,
    now: int,
) -> tuple[Floats, Floats]:
    """Mean factor of contacts on trips by day ahead, and its part with a coupon.

    `now` is the offer whose effect goes on, NO_OFFER for none.
    """
    factor, coupon = np.ones(days), np.zeros(days)
    on_list = float(is_listed)
    for campaign in campaigns(settings, as_of_day + days):
        begin = campaign.day - as_of_day
        under = slice(max(begin, 0), max(begin + EFFECT_DAYS, 0))
        if begin <= 0:
            chances = {now: 1.0}
        elif campaign.design.is_experiment:
            design = campaign.design
            chances = dict.fromkeys(design.offers, 0.0)
            for offer, share in zip(design.offers, design.shares, strict=True):
                chances[offer] += on_list * share
        else:
            continue
        for offer, chance in chances.items():
            if offer == NO_OFFER:
                continue
            factor[under] += chance * LIFTS[response, offer]
            if offer == COUPON:
                coupon[under] += chance * (1 + LIFTS[response, offer]) * COUPON_USE
            if begin > 0:
                on_list -= chance * LEAVE_LIST[response, offer]
    return factor, coupon


def is_on_list(batch: Batch, day: int) -> Bools:
    """Whom campaigns may still contact at the end of a day, shape (n,)."""
    left = batch.contacts.left_list
    has_left = (left >= 0) & (left < (day + 1) * SECONDS_PER_DAY)
    return may_be_contacted(batch.people) & ~has_left


def _new_trips(batch: Batch, means: OrderMeans, ahead: _Ahead, group: _Group) -> Floats:
    """Spend on the orders of trips yet to begin, and on what repeats them."""
    settings, people = batch.settings, batch.people
    position, days = group.position, len(ahead.days)
    going = 1 - settings.cancelled_share
    rate = (people.rate[position] * going)[:, None]
    here = np.exp(-np.outer(people.dropout[position], ahead.days))
    intensity, couponed = group.intensity[:, None], group.couponed[:, None]

    def paid(share: Floats) -> Floats:
        """Orders, each times the share of its price that is paid."""
        orders = means.paid[position, None] * (here @ (intensity * share))
        return orders - means.off[position, None] * (here @ (couponed * share))

    spend = means.goods[position, None] * paid(ahead.made)
    spend -= means.refund[position, None] * paid(ahead.refunded)
    spend += means.shipping * (here @ (intensity * ahead.made))
    # A line bought on the last day of a trip is ordered again some days later.
    ended = np.convolve(group.intensity, LEAD_CHANCES)[:days]
    density = np.array(
        [np.convolve(ended, each)[:days] for each in ahead.again[group.habit]]
    )
    spend += _again(batch, means, ahead, position, here, density, means.lines[position])
    return rate * spend


def _again(
    batch: Batch,
    means: OrderMeans,
    ahead: _Ahead,
    position: Ints,
    here: Floats,
    density: Floats,
    lines: Floats,
) -> Floats:
    """Spend on orders that repeat lines, shape (k, horizons).

    `density` has the orders of each cell by day ahead, (cells, d), `lines` a factor on
    them for each person and cell, (k, cells).
    """
    spend = np.zeros((len(position), ahead.told.shape[1]))
    for cell, by_day in enumerate(density):
        made = here @ (by_day[:, None] * ahead.told)
        refunded = here @ (by_day[:, None] * ahead.told_refunded)
        of_cell = _spend_again(batch, means, position, cell, made, refunded)
        spend += lines[:, cell, None] * of_cell
    return spend


def _spend_again(
    batch: Batch,
    means: OrderMeans,
    position: Ints,
    cell: int,
    made: Floats,
    refunded: Floats,
) -> Floats:
    """Spend on so many orders that repeat a line of a cell, shape (k, horizons)."""
    paid = means.paid[position, None]
    spend = (paid * means.again[cell] + means.shipping) * made
    returns = batch.people.returns[position, None]
    spend -= paid * returns * means.again_refund[cell] * refunded
    return (1 - batch.settings.cancelled_share) * spend


def _under_way(batch: Batch, means: OrderMeans, ahead: _Ahead) -> Floats:
    """Spend on the orders of trips begun and not ended, and on what repeats them."""
    settings, people, trips = batch.settings, batch.people, batch.trips
    day = ahead.as_of_day
    under_way = np.flatnonzero((trips.start_day <= day) & (trips.end_day > day))
    person = trips.person[under_way]
    chance = order_chance(people.conversion[person], trips.has_cart[under_way])
    chance *= 1 - settings.cancelled_share
    uses_offer = trips.campaign[under_way] >= 0
    paid = means.paid[person] - means.off[person] * uses_offer
    once = chance * (paid * (means.goods - means.refund)[person] + means.shipping)
    spend = np.zeros((len(people), ahead.told.shape[1]))
    spend += np.bincount(person, once, len(people))[:, None]

    elapsed = day - trips.start_day[under_way]
    is_here = people.last_day[person] >= day
    for days in range(len(LEAD_CHANCES) - 1):
        left = np.append(0.0, LEAD_CHANCES[days + 1 :])
        left /= left.sum()
        for habit in np.flatnonzero(REFILL_CHANCES):
            chosen = (elapsed == days) & (people.habit[person] == habit) & is_here
            rows = np.flatnonzero(chosen)
            density = np.array(
                [
                    np.convolve(left, each)[1 : len(ahead.days) + 1]
                    for each in ahead.again[habit]
                ]
            )
            here = np.exp(-np.outer(people.dropout[person[rows]], ahead.days))
            lines = means.lines[person[rows]] * chance[rows, None]
            of_rows = _again(batch, means, ahead, person[rows], here, density, lines)
            np.add.at(spend, person[rows], of_rows)
    return spend


def _repeated(batch: Batch, means: OrderMeans, ahead: _Ahead) -> Floats:
    """Spend on orders that repeat lines bought so far, and on what repeats them."""
    people, baskets, catalogue = batch.people, batch.baskets, batch.catalogue
    going = 1 - batch.settings.cancelled_share
    spend = np.zeros((len(people), ahead.told.shape[1]))
    cell = np.minimum(baskets.product // catalogue.per_cell, catalogue.cells)
    person = baskets.person[baskets.order]
    age = ahead.as_of_day - baskets.day[baskets.order]
    is_open = (age >= 0) & ~baskets.is_cancelled[baskets.order]
    is_open &= (baskets.refill_day < 0) | (baskets.refill_day > ahead.as_of_day)
    is_open &= people.last_day[person] >= ahead.as_of_day
    for place, each in enumerate(np.flatnonzero(catalogue.cycle)):
        for habit in np.flatnonzero(REFILL_CHANCES):
            again = ahead.again[habit, place]
            first = _first_repeats(
                catalogue.cycle_chances(each), REFILL_CHANCES[habit], len(ahead.days)
            )
            chosen = is_open & (cell == each) & (people.habit[person] == habit)
            rows = np.flatnonzero(chosen & (age < len(first)))
            # Each repetition is repeated in turn.
            chain = [np.convolve(row, again)[: len(row)] for row in first]
            density = (first + going * np.array(chain))[:, 1:]
            owner = person[rows]
            here = np.exp(-np.outer(people.dropout[owner], ahead.days))
            here *= density[age[rows]]
            made, refunded = here @ ahead.told, here @ ahead.told_refunded
            of_rows = _spend_again(batch, means, owner, place, made, refunded)
            np.add.at(spend, owner, of_rows)
    return spend


def _first_repeats(chances: Floats, habit: float, days: int) -> Floats:
    """Chance of each day ahead on which a line is ordered again, (ages, days + 1).

    It has not been for 0, 1, ... days, and is at all with chance `habit`; `chances` has
    the chances of 1, 2, ... days if it is.
    """
    repeats = np.zeros((len(chances), days + 1))
    for age in range(len(chances)):
        later = chances[age:][:days]
        repeats[age, 1 : len(later) + 1] = later
    so_far = np.concatenate([[0.0], np.cumsum(chances)[:-1]])
    return repeats * (habit / (1 - habit * so_far))[:, None]


def _renewed(batch: Batch, as_of_day: int, horizons: Sequence[int]) -> Floats:
    """Spend on boxes of the subscriptions that go on, shape (n, horizons)."""
    subscriptions, settings = batch.subscriptions, batch.settings
    spend = np.zeros((len(batch.people), len(horizons)))
    number = np.arange(int(max(subscriptions.periods, default=0)) + 1)
    plan, started = subscriptions.plan, subscriptions.started
    due = renewal_day(settings, started[:, None], plan[:, None], number)
    # A subscription ends on the day on which it would have been renewed once more.
    begun = (due <= as_of_day).sum(axis=1)
    goes_on = (begun > 0) & (begun <= subscriptions.periods)
    ahead = np.arange(1, max(horizons) // 28 + 2)
    later = begun[:, None] + ahead - 1
    day = renewal_day(settings, started[:, None], plan[:, None], later) - as_of_day
    chance = (1 - ENDING) ** ahead
    for column, horizon in enumerate(horizons):
        expected = (chance * (day <= horizon)).sum(axis=1) * BOX_PRICES[plan]
        np.add.at(spend[:, column], subscriptions.person, goes_on * expected)
    return spend


def _refunds_due(batch: Batch, as_of_day: int) -> Floats:
    """Refunds in cents expected for what has been bought and kept so far, (n,)."""
    baskets = batch.baskets
    age = as_of_day - baskets.day[baskets.order]
    is_back = (baskets.return_day >= 0) & (baskets.return_day <= as_of_day)
    may_return = (age >= 0) & (age < len(RETURN_CHANCES)) & ~is_back
    chance = baskets.return_chance[may_return]
    later = 1 - _within(RETURN_CHANCES, age[may_return])
    due = chance * later / (1 - chance * (1 - later)) * baskets.amount[may_return]
    person = baskets.person[baskets.order[may_return]]
    return np.bincount(person, due, len(batch.people)).astype(float)


@dataclass(frozen=True)
class Effects:
    """What a campaign does to the people assigned, in cents of expected spend.

    Attributes:
        position: in People, shape (k,).
        without: spend on the orders of trips begun in the EFFECT_DAYS days after the
            sending, net of returns, if the person is not contacted.
        change: by how much each of EFFECTIVE_OFFERS changes it, shape (k, offers).

    """

    position: Ints
    without: Floats
    change: Floats


def campaign_effects(batch: Batch, campaign: Campaign) -> Effects:
    """Return a campaign's true effects, given who is still here on its day.

    What is later ordered again is not in them.
    """
    people, contacts, means = batch.people, batch.contacts, OrderMeans.of(batch)
    position = contacts.person[contacts.campaign == campaign.number]
    days = np.arange(1, EFFECT_DAYS + 1)
    start = batch.settings.start + dt.timedelta(days=campaign.day + 1)
    seasons = season(start, EFFECT_DAYS)[people.is_gift_buyer[position]]
    trips = (np.exp(-np.outer(people.dropout[position], days)) * seasons).sum(axis=1)
    orders = people.rate[position] * trips * (1 - batch.settings.cancelled_share)
    orders *= people.last_day[position] >= campaign.day
    goods = (means.goods - means.refund)[position]
    without = orders * (means.paid[position] * goods + means.shipping)
    change = np.empty((len(position), len(EFFECTIVE_OFFERS)))
    for column, offer in enumerate(EFFECTIVE_OFFERS):
        lift = LIFTS[people.response[position], offer]
        change[:, column] = without * lift
        if offer == COUPON:
            used = orders * (1 + lift) * COUPON_USE
            change[:, column] -= used * means.off[position] * goods
    return Effects(position, without, change)


def _within(chances: Floats, days: Ints) -> Floats:
    """Chance of at most so many days, 0 for less than none."""
    cumulative = np.concatenate([[0.0], np.cumsum(chances)])
    return cumulative[np.clip(days + 1, 0, len(chances))]
