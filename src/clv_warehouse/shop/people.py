"""The people: the traits with which they come, and which never change."""

from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Ints, Singles
from clv_warehouse.shop.acquisition import (
    CHANNEL_DROPOUTS,
    CHANNEL_PRICE_LEVELS,
    CHANNEL_RATES,
    CHANNELS,
    SOURCES,
    arrivals,
    spend,
)
from clv_warehouse.shop.goods import STYLES
from clv_warehouse.shop.settings import Settings, Stream, random
from clv_warehouse.shop.words import CATEGORIES, GRADES

# The concentration of a symmetric Dirichlet: the higher, the more alike are tastes.
TASTE_CONCENTRATION = 0.35
# Chance that a person orders again what is used up, by habit, and the habits' shares.
REFILL_CHANCES = np.array([0.0, 0.35, 0.7])
REFILL_SHARES = np.array([0.4, 0.35, 0.25])

# How people respond to being contacted; contacts.py says by how much.
RESPONSES = ("persuadable", "sure", "indifferent", "harmed")
RESPONSE_SHARES = np.array([0.3, 0.25, 0.27, 0.18])
# Users of coupons are more persuadable; loyal channels have more who dislike contact.
PERSUADED_BY_COUPON = 4.0
CHANNEL_HARM = np.array([1.0, 0.7, 0.5, 2.0, 1.2])


@dataclass(frozen=True)
class People:
    """The traits of a batch of people, shape (n,); tastes have a row per person.

    Attributes:
        number: 1 for the shop's first person.
        source: position in SOURCES.
        is_gift_buyer: 0 or 1, the row of `season` that holds for the person.
        allows_email, allows_ads: consent given with the first order.
        is_held_out: whether no campaign ever contacts the person.
        response: position in RESPONSES.
        acquired: the day of arrival and of the first order.
        last_day: the last day on which the person may begin a trip.
        rate: purchases per day.
        dropout: chance of being gone after a day is 1 - exp(-dropout).
        conversion: chance that a trip ends in an order, before its cart is known.
        coupon: chance that an order has one.
        returns: chance that a line comes back, before its cell's factor.
        habit: position in REFILL_CHANCES.
        categories: chance of each category, summed up, shape (n, categories).
        grades: chance of each grade, summed up, shape (n, grades).
        style: shape (n, STYLES).
        novelty: utility of what is new.

    """

    number: Ints
    source: Ints
    is_gift_buyer: Ints
    is_guest: Bools
    has_consented: Bools
    allows_email: Bools
    allows_ads: Bools
    is_held_out: Bools
    response: Ints
    acquired: Ints
    last_day: Ints
    rate: Floats
    dropout: Floats
    conversion: Floats
    extra_lines: Floats
    coupon: Floats
    returns: Floats
    habit: Ints
    categories: Floats
    grades: Floats
    style: Singles
    novelty: Singles

    def __len__(self) -> int:
        return len(self.number)

    @property
    def channel(self) -> Ints:
        """Position in CHANNELS."""
        of_source = np.array([CHANNELS.index(source.channel) for source in SOURCES])
        return of_source[self.source]


def make_people(settings: Settings, batch: int) -> People:
    """People of a batch."""
    generator = random(settings, batch, Stream.PEOPLE)
    n = settings.people_per_batch
    chances = np.cumsum(arrivals(settings, spend(settings)).ravel())
    arrival = np.searchsorted(chances, generator.random(n) * chances[-1], side="right")
    acquired, source = divmod(np.minimum(arrival, len(chances) - 1), len(SOURCES))
    channels = np.array([CHANNELS.index(each.channel) for each in SOURCES])
    channel = channels[source]
    rate = _gamma(
        generator, settings.rate_shape, settings.mean_rate * CHANNEL_RATES[channel]
    )
    dropout = _gamma(
        generator,
        settings.dropout_shape,
        settings.mean_dropout * CHANNEL_DROPOUTS[channel],
    )
    # A dropout so small that nobody lives to see it must not overflow.
    stay = generator.exponential(size=n) / np.maximum(dropout, 1e-9)
    tastes = generator.standard_gamma(TASTE_CONCENTRATION, (n, len(CATEGORIES))) + 1e-9
    level = generator.normal(CHANNEL_PRICE_LEVELS[channel], 1.0)
    distance = np.arange(len(GRADES)) - (1.6 + 1.1 * level)[:, None]
    coupon = generator.beta(1, 4, n)
    responses = np.tile(RESPONSE_SHARES, (n, 1))
    responses[:, 0] *= 0.5 + PERSUADED_BY_COUPON * coupon
    responses[:, 3] *= CHANNEL_HARM[channel]
    responses = _cumulative_shares(responses)
    return People(
        number=batch * n + np.arange(n) + 1,
        source=source,
        is_gift_buyer=(generator.random(n) < settings.gift_share).astype(np.int64),
        is_guest=generator.random(n) < settings.guest_share,
        has_consented=generator.random(n) < settings.consent_share,
        allows_email=generator.random(n) < settings.email_share,
        allows_ads=generator.random(n) < settings.ads_share,
        is_held_out=generator.random(n) < settings.holdout_share,
        response=(generator.random((n, 1)) >= responses[:, :-1]).sum(axis=1),
        acquired=acquired,
        last_day=acquired + np.minimum(stay, 1e6).astype(np.int64),
        rate=rate,
        dropout=dropout,
        conversion=generator.uniform(0.25, 0.6, n),
        extra_lines=_gamma(generator, 1.5, np.full(n, settings.mean_extra_lines)),
        coupon=coupon,
        returns=np.minimum(generator.beta(1, 16, n), 0.45),
        habit=generator.choice(len(REFILL_SHARES), n, p=REFILL_SHARES),
        categories=_cumulative_shares(tastes),
        grades=_cumulative_shares(np.exp(-(distance**2))),
        style=generator.normal(size=(n, STYLES)).astype(np.float32),
        novelty=generator.normal(0.5, 0.7, n).astype(np.float32),
    )


def _gamma(generator: np.random.Generator, shape: float, mean: Floats) -> Floats:
    return generator.standard_gamma(shape, len(mean)) * (mean / shape)


def _cumulative_shares(weights: Floats) -> Floats:
    cumulative = np.cumsum(weights, axis=1)
    cumulative /= cumulative[:, -1:]
    return cumulative
