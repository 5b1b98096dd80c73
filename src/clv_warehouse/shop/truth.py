"""Computes exactly what a customer of the made-up shop will spend on average.

At the end of day t the process knows the customer's traits, whether they are still
here, the trips they have begun, and the lines they have bought and not sent back. The
mean spend up to the end of day t + h, net of returns, is the sum of three parts:

1. New trips. A share exp(-dropout * u) of the customers is still here u days later.
   They begin rate / conversion * season(t + u) trips; `conversion` of these end in an
   order. Of the mean amount of an order, the share whose lead is at most h - u days is
   spent by the end. Of its mean refund, the share whose lead and return delay are at
   most h - u days is paid back by then. (The factor for the cart is 1 on average.)
2. Trips that have begun and not ended. They end in an order with the chance that
   conversion and cart give.
3. Lines that may still come back. If a line comes back with chance p and has not done
   so after x days, its chance is p * G(x) / (1 - p * (1 - G(x))), where G(x) is the
   share of longer delays.

The means of an order follow from the customer's tastes; nothing is estimated. The sum
can be below zero just after a large order of a customer who has left. Guests have no
truth. Horizons must be long enough for parts 2 and 3 to be over by their end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Floats, Ints
from clv_warehouse.shop.process import (
    LEAD_CHANCES,
    MEAN_QUANTITY,
    RETURN_CHANCES,
    Batch,
    order_chance,
    season,
)

HORIZONS = (30, 91, 182, 365)
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
    sold, refunded = order_means(batch)
    kept = sold - refunded
    new_sold, new_refunded = _new_orders(batch, as_of_day, horizons)
    spend = new_sold * sold[:, None] - new_refunded * refunded[:, None]
    once = kept * _orders_under_way(batch, as_of_day) - _refunds_due(batch, as_of_day)
    known = np.flatnonzero((people.acquired <= as_of_day) & ~people.is_guest)
    return Truth(known, (spend + once[:, None])[known])


def order_means(batch: Batch) -> tuple[Floats, Floats]:
    """Mean amount and mean refund of an order in cents, per person, shape (n,) each."""
    settings, people, catalogue = batch.settings, batch.people, batch.catalogue
    categories = np.diff(people.categories, prepend=0.0)
    grades = np.diff(people.grades, prepend=0.0)
    price = catalogue.price.astype(float)
    prices = catalogue.cell_means(price)
    refunds = catalogue.cell_means(price * catalogue.return_factor)
    pieces = (1 + people.extra_lines) * MEAN_QUANTITY
    paid_share = 1 - people.coupon * settings.coupon_percent / 100
    going_through = 1 - settings.cancelled_share
    price_mean = ((categories @ prices) * grades).sum(axis=1)
    refund_mean = ((categories @ refunds) * grades).sum(axis=1) * people.returns
    shipping = settings.shipped_share * settings.shipping_cents
    return (
        going_through * (pieces * paid_share * price_mean + shipping),
        going_through * pieces * paid_share * refund_mean,
    )


def _new_orders(
    batch: Batch, as_of_day: int, horizons: Sequence[int]
) -> tuple[Floats, Floats]:
    """Orders from trips yet to begin, made and refunded by the end; (n, horizons)."""
    people = batch.people
    ahead = np.arange(1, max(horizons) + 1)
    seasons = season(batch.settings.start, as_of_day + 1 + len(ahead))
    left = np.array(horizons) - ahead[:, None]
    made = _within(LEAD_CHANCES, left)
    refunded = _within(np.convolve(LEAD_CHANCES, RETURN_CHANCES), left)
    here = np.exp(-np.outer(people.dropout, ahead))
    orders = np.empty((2, len(people), len(horizons)))
    for kind, by_day in enumerate(seasons[:, as_of_day + 1 :, None]):
        chosen = people.is_gift_buyer == kind
        orders[0, chosen] = here[chosen] @ (by_day * made)
        orders[1, chosen] = here[chosen] @ (by_day * refunded)
    orders *= (people.rate * (people.last_day >= as_of_day))[:, None]
    return orders[0], orders[1]


def _orders_under_way(batch: Batch, as_of_day: int) -> Floats:
    """Orders expected from trips that have begun and not ended, shape (n,)."""
    people, trips = batch.people, batch.trips
    under_way = (trips.start_day <= as_of_day) & (trips.end_day > as_of_day)
    person = trips.person[under_way]
    chance = order_chance(people.conversion[person], trips.has_cart[under_way])
    return np.bincount(person, chance, len(people)).astype(float)


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


def _within(chances: Floats, days: Ints) -> Floats:
    """Chance of at most so many days, 0 for less than none."""
    cumulative = np.concatenate([[0.0], np.cumsum(chances)])
    return cumulative[np.clip(days + 1, 0, len(chances))]
