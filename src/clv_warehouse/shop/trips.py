"""The shopping trips: who begins one when, and whether it ends in an order."""

from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Ints
from clv_warehouse.shop.contacts import (
    COUPON,
    COUPON_USE,
    EFFECT_DAYS,
    LIFTS,
    NO_OFFER,
    Contacts,
    campaigns,
)
from clv_warehouse.shop.people import People
from clv_warehouse.shop.seasons import season
from clv_warehouse.shop.settings import Settings, Stream, at_daytime, choose, random

# Chances of 0, 1, ... days from a trip's first day to its last.
LEAD_CHANCES = np.array([0.4, 0.18, 0.13, 0.1, 0.08, 0.06, 0.05])
# The factor of a cart on the chance that its trip ends in an order; 1 on average.
CART_SHARE = 0.4
WITH_CART, WITHOUT_CART = 1.6, 0.6


@dataclass(frozen=True)
class Trips:
    """Shopping trips in order of their beginning, shape (t,).

    Attributes:
        person: position in People.
        start_day, end_day: the days of the first and of the last visit.
        end_time: seconds of the end after midnight of the shop's first day.
        has_cart: whether the first visit left something in the cart.
        campaign: number of the campaign whose coupon the trip uses; -1 if none.
        is_caused: whether a campaign's contact made the person begin the trip.
        is_order: whether the trip ends in an order.

    """

    person: Ints
    start_day: Ints
    end_day: Ints
    end_time: Ints
    has_cart: Bools
    campaign: Ints
    is_caused: Bools
    is_order: Bools

    def __len__(self) -> int:
        return len(self.person)


def order_chance(conversion: Floats, has_cart: Bools) -> Floats:
    """Chance that a trip that has begun ends in an order."""
    return conversion * np.where(has_cart, WITH_CART, WITHOUT_CART)


def make_trips(
    settings: Settings, people: People, contacts: Contacts, batch: int
) -> Trips:
    """All trips that begin by the shop's last day; the first of each person is sure."""
    generator = random(settings, batch, Stream.TRIPS)
    begun = _Beginnings(settings, people, generator)
    of_campaign = campaigns(settings)
    offers = contacts.offers(len(people), len(of_campaign))

    person, day = begun.between(
        np.arange(len(people)), people.acquired, np.full(len(people), settings.last_day)
    )
    offer = offers_on(settings, offers, person, day)
    lift = np.where(offer == NO_OFFER, 0.0, LIFTS[people.response[person], offer])
    is_left = generator.random(len(person)) >= -lift
    person, day = person[is_left], day[is_left]

    lift = np.where(
        contacts.offer == NO_OFFER,
        0.0,
        LIFTS[people.response[contacts.person], contacts.offer],
    )
    lifted = np.flatnonzero(lift > 0)
    sent = np.array([campaign.day for campaign in of_campaign], dtype=np.int64)
    sent = sent[contacts.campaign[lifted]]
    caused, caused_day = begun.between(
        contacts.person[lifted], sent, sent + EFFECT_DAYS, lift[lifted]
    )

    n = len(people)
    start_day = np.concatenate([people.acquired, day, caused_day])
    person = np.concatenate([np.arange(n), person, caused])
    in_order = np.argsort(start_day, kind="stable")
    person, start_day = person[in_order], start_day[in_order]
    is_first = in_order < n
    has_cart = generator.random(len(person)) < CART_SHARE
    chance = order_chance(people.conversion[person], has_cart)
    lead = choose(generator, LEAD_CHANCES, len(person))
    end_day = start_day + np.where(is_first, 0, lead)
    uses_offer = generator.random(len(person)) < COUPON_USE
    uses_offer &= offers_on(settings, offers, person, start_day) == COUPON
    return Trips(
        person=person,
        start_day=start_day,
        end_day=end_day,
        end_time=at_daytime(generator, end_day),
        has_cart=has_cart,
        campaign=np.where(uses_offer, campaign_on(settings, start_day), -1),
        is_caused=in_order >= len(in_order) - len(caused),
        is_order=is_first | (generator.random(len(person)) < chance),
    )


def campaign_on(settings: Settings, day: Ints) -> Ints:
    """Return the campaign whose effect a day is under; -1 for none."""
    by_day = np.full(settings.days, -1)
    for campaign in campaigns(settings):
        begin = campaign.day + 1
        by_day[begin : begin + EFFECT_DAYS] = campaign.number
    return by_day[day]


def offers_on(settings: Settings, offers: Ints, person: Ints, day: Ints) -> Ints:
    """Return the offer whose effect each person is under on a day."""
    campaign = campaign_on(settings, day)
    if not offers.shape[1]:
        return np.full(len(person), NO_OFFER)
    return np.where(campaign < 0, NO_OFFER, offers[person, np.maximum(campaign, 0)])


class _Beginnings:
    """Draws the days on which trips begin."""

    def __init__(
        self, settings: Settings, people: People, generator: np.random.Generator
    ) -> None:
        # Both seasons follow each other in one rising array: one search finds all days.
        self.line = np.cumsum(season(settings.start, settings.days))
        self.days = settings.days
        self.people = people
        self.generator = generator

    def between(
        self, person: Ints, after: Ints, until: Ints, factor: Floats | float = 1.0
    ) -> tuple[Ints, Ints]:
        """Person and day of each trip; `factor` times the usual rate, while here."""
        people = self.people
        offset = people.is_gift_buyer[person] * self.days
        last = np.minimum(np.minimum(until, people.last_day[person]), self.days - 1)
        begin = offset + after
        end = np.maximum(offset + last, begin)
        room = self.line[end] - self.line[begin]
        mean = factor * people.rate[person] / people.conversion[person] * room
        row = np.repeat(np.arange(len(person)), self.generator.poisson(mean))
        points = self.line[begin[row]] + self.generator.random(len(row)) * room[row]
        found = np.searchsorted(self.line, points, side="right")
        found = np.minimum(found, end[row])
        return person[row], found - offset[row]
