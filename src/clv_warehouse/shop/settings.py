"""The parameters of a made-up shop, and the random streams that its parts draw from."""

import datetime as dt
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from clv_warehouse.project.arrays import Floats, Ints
from clv_warehouse.shop.words import CATEGORIES, COLOURS

SECONDS_PER_DAY = 86_400
# Chance of an order or visit per hour of the day; none at night.
HOURS = (0,) * 7 + (1, 2, 3, 4, 4, 4, 3, 3, 4, 4, 5, 6, 7, 6, 4, 2, 0)


@dataclass(frozen=True)
class Settings:
    """The parameters of a shop; rates are per day, shares lie between 0 and 1.

    Attributes:
        consent_share: people who let their browsing be watched.
        email_share, ads_share: people who allow e-mails and ads at first.
        holdout_share: people whom no campaign ever contacts.
        logged_share: watched visits that begin with a list whose products are logged.
        refund_share: returns that are told by the feed refunds; others are orders.

    """

    seed: int = 7
    start: dt.date = dt.date(2023, 7, 1)
    days: int = 915
    people_per_batch: int = 20_000
    rate_shape: float = 1.1
    mean_rate: float = 0.0115
    dropout_shape: float = 1.2
    mean_dropout: float = 0.0035
    gift_share: float = 0.25
    guest_share: float = 0.04
    consent_share: float = 0.5
    email_share: float = 0.65
    ads_share: float = 0.45
    holdout_share: float = 0.1
    subscriber_share: float = 0.03
    logged_share: float = 0.15
    review_share: float = 0.12
    refund_share: float = 0.5
    cancelled_share: float = 0.03
    shipped_share: float = 0.5
    shipping_cents: int = 490
    coupon_percent: int = 10
    mean_extra_lines: float = 0.9
    products_per_cell: int = 24

    def __post_init__(self) -> None:
        if self.days < 1 or self.people_per_batch < 1:
            raise ValueError("a shop needs at least one day and one person per batch")
        if self.coupon_percent % 10:
            raise ValueError("coupon_percent must be whole tens, for whole cents")
        most = len(COLOURS) * len(next(iter(CATEGORIES.values())))
        if not 1 <= self.products_per_cell <= most:
            raise ValueError(
                f"products_per_cell is {self.products_per_cell}; the words are enough "
                f"for 1 to {most}"
            )

    @property
    def last_day(self) -> int:
        """The last day that has data, counted from the start."""
        return self.days - 1

    def day_of(self, date: dt.date) -> int:
        """Days from the start to a date."""
        return (date - self.start).days


class Stream(IntEnum):
    """The purpose of a random stream of a batch; its number is part of the seed."""

    PEOPLE = 0
    TRIPS = 1
    BASKETS = 2
    NAMES = 3
    EVENTS = 4
    REVIEWS = 5
    RETURNS = 6
    CONTACTS = 7
    SUBSCRIPTIONS = 8
    NEWSLETTERS = 9
    REFILLS = 10
    PRODUCTS = 11
    SHOWN = 12
    RENEWALS = 13
    ORDERS = 14
    CONSENTS = 15


class ShopStream(IntEnum):
    """The purpose of a random stream of the whole shop."""

    GOODS = 0
    SPEND = 1
    VECTORS = 2
    CLICKS = 3


def random(settings: Settings, batch: int, stream: Stream) -> np.random.Generator:
    """Return the random generator of one step of one batch."""
    return np.random.default_rng(
        np.random.SeedSequence(settings.seed, spawn_key=(1, batch, stream))
    )


def shop_random(settings: Settings, stream: ShopStream) -> np.random.Generator:
    """Return the random generator of what is the same for all batches."""
    return np.random.default_rng(
        np.random.SeedSequence(settings.seed, spawn_key=(0, stream))
    )


def choose(generator: np.random.Generator, chances: Floats, n: int) -> Ints:
    """Positions of `chances`, picked `n` times by them."""
    cumulative = np.cumsum(chances)
    points = generator.random(n) * cumulative[-1]
    return np.searchsorted(cumulative, points, side="right")


def choose_by_row(
    generator: np.random.Generator, cumulative: Floats, row: Ints
) -> Ints:
    """Columns, one for each of `row`, by the chances that the row sums up."""
    points = generator.random(len(row))
    column = np.zeros(len(row), dtype=np.int64)
    for ends in cumulative.T[:-1]:
        column += ends[row] <= points
    return column


def at_daytime(generator: np.random.Generator, day: Ints) -> Ints:
    """Random second of each day, by daytime, after midnight of the first day."""
    chances = np.array(HOURS) / np.sum(HOURS)
    seconds = generator.integers(0, 3600, len(day))
    return day * SECONDS_PER_DAY + choose(generator, chances, len(day)) * 3600 + seconds
