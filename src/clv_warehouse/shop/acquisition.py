"""Who comes, through which channel, and what the shop spends to win them.

New customers of a day come from sources. A paid source brings

    most * hill(adstock(spend) / half) * growth * season

customers, where adstock is a moving sum of the spend with weights that fall by `carry`
a day (and sum up to 1), and hill(x) = x ** slope / (1 + x ** slope). So returns
diminish (beyond `half`), and for a slope above 1 the first money does little. An unpaid
source brings `most` customers, times growth and season, whatever the shop spends. One
unpaid source would come anyway but clicks the advertisement of a paid campaign on the
way: who counts by last click takes it for that campaign's.

All of this is for a market of size 1. A shop of so many people has a market of the size
that brings them, and spends in proportion: the cost per customer does not depend on it.
"""

from dataclasses import dataclass

import numpy as np

from clv_warehouse.project.arrays import Floats
from clv_warehouse.shop.seasons import season
from clv_warehouse.shop.settings import Settings, ShopStream, shop_random

CHANNELS = ("search", "social", "newsletter", "referral", "marketplace")
CHANNEL_RATES = np.array([1.0, 0.8, 1.3, 1.2, 0.7])
CHANNEL_DROPOUTS = np.array([1.0, 1.5, 0.7, 0.6, 1.4])
CHANNEL_PRICE_LEVELS = np.array([0.0, -0.2, 0.2, 0.5, -0.4])

# By how much more customers come per day at the end than at the start, less 1.
GROWTH = 1.0
# The spread of a campaign's weekly spend, in logs, and its share of weeks without any.
WEEKLY_SPREAD, PAUSED_SHARE = 0.45, 0.12


@dataclass(frozen=True)
class Source:
    """Where new customers come from; money and customers per day, at size 1.

    Attributes:
        campaign: the advertisement that they click last; none for an empty word.
        budget: euros that the shop spends on average; 0 for an unpaid source.
        price_per_click: euros.

    """

    channel: str
    utm_source: str
    utm_medium: str
    campaign: str
    most: float
    budget: float = 0.0
    half: float = 1.0
    slope: float = 1.0
    carry: float = 0.0
    price_per_click: float = 0.3

    @property
    def is_paid(self) -> bool:
        """Whether more spend brings more customers."""
        return self.budget > 0


SOURCES = (
    Source("search", "google", "cpc", "search-brand", 0.05, 0.9, 0.5, 1.0, 0.0, 0.2),
    Source("search", "google", "cpc", "search-generic", 0.5, 2.6, 3.5, 1.0, 0.2, 0.5),
    Source("social", "instagram", "paid", "social-video", 0.35, 2.0, 2.4, 1.6, 0.6),
    Source("social", "facebook", "paid", "social-carousel", 0.2, 1.6, 0.5, 1.0, 0.4),
    Source("marketplace", "marketplace", "cpc", "market-ads", 0.3, 1.4, 1.6, 1.0, 0.1),
    Source("search", "google", "organic", "", 0.1),
    Source("search", "google", "cpc", "search-brand", 0.1),
    Source("social", "instagram", "social", "", 0.06),
    Source("newsletter", "newsletter", "email", "", 0.16),
    Source("referral", "friends", "referral", "", 0.16),
)
PAID = tuple(source for source in SOURCES if source.is_paid)


def spend(settings: Settings) -> Floats:
    """Euros that a shop of size 1 spends, shape (days, paid sources)."""
    generator = shop_random(settings, ShopStream.SPEND)
    weeks = settings.days // 7 + 1
    shape = (weeks, len(PAID))
    week = np.exp(generator.normal(-(WEEKLY_SPREAD**2) / 2, WEEKLY_SPREAD, shape))
    week *= generator.random(shape) >= PAUSED_SHARE
    by_day = np.repeat(week, 7, axis=0)[: settings.days] / (1 - PAUSED_SHARE)
    return by_day * growth(settings)[:, None] * [source.budget for source in PAID]


def size(settings: Settings, people: int) -> float:
    """Return the size of the market that brings so many people for the shop's spend."""
    return people / float(arrivals(settings, spend(settings)).sum())


def growth(settings: Settings) -> Floats:
    """Factor on the customers and the spend of each day; 1 on average."""
    return (1 + GROWTH * np.arange(settings.days) / settings.days) / (1 + GROWTH / 2)


def arrivals(settings: Settings, euros: Floats) -> Floats:
    """Customers expected by day and source for any spend, shape (days, sources).

    Both at size 1; `euros` has the shape of `spend`.
    """
    demand = growth(settings) * season(settings.start, settings.days)[0]
    by_day = np.empty((settings.days, len(SOURCES)))
    paid = 0
    for column, source in enumerate(SOURCES):
        by_day[:, column] = source.most * demand
        if source.is_paid:
            stock = _adstock(euros[:, paid] / growth(settings), source.carry)
            lifted = (stock / source.half) ** source.slope
            by_day[:, column] *= lifted / (1 + lifted)
            paid += 1
    return by_day


def _adstock(euros: Floats, carry: float) -> Floats:
    stock = np.empty_like(euros)
    before = 0.0
    for day, amount in enumerate(euros):
        before = carry * before + (1 - carry) * amount
        stock[day] = before
    return stock
