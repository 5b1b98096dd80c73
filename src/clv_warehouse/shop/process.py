"""The process that makes the shop: who comes, when they buy, what, and what they keep.

Everything happens on a grid of days, so that truth.py can sum up exactly what a
customer will spend on average. Money is in whole cents.

People arrive on random days, more of them as the shop grows and before Christmas,
each through a channel, and buy at once. A person has latent traits that never change:

- `rate`, the purchases per day, is gamma distributed; channels differ in its mean.
- After every day the person leaves for good with probability 1 - exp(-dropout);
  `dropout` is gamma distributed too. So far this is the Pareto/NBD of Schmittlein,
  Morrison & Colombo (1987). The rest departs from it:
- Season: all rates rise and fall with month and weekday. One person in four is a gift
  buyer, who buys mostly in November and December.
- Trips: until they leave, a person begins a Poisson number of shopping trips a day,
  with mean rate / conversion. A trip begins with browsing, with a full cart or without,
  and ends up to six days later. It ends in an order with probability `conversion`,
  times a factor for the cart. So browsing foretells orders, but not every visit does.
- Goods: an order has 1 + Poisson(extra_lines) lines. The person's tastes choose the
  category and the grade (price level) of each line, and popularity chooses the product
  among these. Spend and frequency are not independent, because channels differ in both.
- Returns: a line comes back as a whole, three to 21 days later, with probability
  `returns` times a factor for the product's quality.

Chance decides which orders are cancelled, shipped or discounted by a coupon. Guests
behave like other people; the feeds just do not name them.

Each batch of people has its own random streams, one for each step. So a person's rows
depend on the seed and on the number of people per batch, not on the number of batches.
"""

import datetime as dt
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from clv_warehouse.project.arrays import Bools, Floats, Ints
from clv_warehouse.shop.words import CATEGORIES, COLOURS, GRADES

# The seasons of everyday and of gift buyers, by month and, for both, by weekday from
# Monday. Only ratios matter, because `season` scales the mean of a year to 1.
MONTHS = (
    (0.85, 0.8, 0.9, 0.95, 1.0, 0.9, 0.8, 0.8, 0.95, 1.05, 1.5, 1.6),
    (0.3, 0.4, 0.4, 0.5, 0.6, 0.4, 0.3, 0.3, 0.5, 0.9, 3.4, 4.0),
)
WEEKDAYS = (1.1, 1.0, 0.95, 0.95, 0.9, 0.95, 1.15)
# Chance of an order or visit per hour of the day; none at night.
HOURS = (0,) * 7 + (1, 2, 3, 4, 4, 4, 3, 3, 4, 4, 5, 6, 7, 6, 4, 2, 0)

CHANNELS = ("search", "social", "newsletter", "referral", "marketplace")
CHANNEL_SHARES = (0.3, 0.25, 0.15, 0.15, 0.15)
CHANNEL_RATES = (1.0, 0.8, 1.3, 1.2, 0.7)
CHANNEL_DROPOUTS = (1.0, 1.5, 0.7, 0.6, 1.4)
CHANNEL_PRICE_LEVELS = (0.0, -0.2, 0.2, 0.5, -0.4)

# The concentration of a symmetric Dirichlet: the higher, the more alike are tastes.
TASTE_CONCENTRATION = 0.35

# Chances of 0, 1, ... days from a trip's first day to its last.
LEAD_CHANCES = np.array([0.4, 0.18, 0.13, 0.1, 0.08, 0.06, 0.05])
# Chances of 0, 1, ... days from a purchase to its return.
RETURN_CHANCES = np.array([0.0] * 3 + [1 / 19] * 19)
# The factor of a cart on the chance that its trip ends in an order; 1 on average.
CART_SHARE = 0.4
WITH_CART, WITHOUT_CART = 1.6, 0.6

QUANTITY_CHANCES = np.array([0.78, 0.14, 0.05, 0.03])
MEAN_QUANTITY = float(QUANTITY_CHANCES @ np.arange(1, len(QUANTITY_CHANCES) + 1))

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Settings:
    """The parameters of a shop; rates are per day, shares lie between 0 and 1."""

    seed: int = 7
    start: dt.date = dt.date(2023, 7, 1)
    days: int = 915
    people_per_batch: int = 20_000
    rate_shape: float = 1.1
    mean_rate: float = 0.014
    dropout_shape: float = 1.2
    mean_dropout: float = 0.0035
    gift_share: float = 0.25
    guest_share: float = 0.04
    consent_share: float = 0.5
    review_share: float = 0.12
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
    """The purpose of a random stream; its number is part of the seed."""

    PEOPLE = 0
    TRIPS = 1
    BASKETS = 2
    NAMES = 3
    EVENTS = 4
    REVIEWS = 5
    RETURNS = 6


def random(settings: Settings, batch: int, stream: Stream) -> np.random.Generator:
    """Return the random generator of one step of one batch."""
    return np.random.default_rng(
        np.random.SeedSequence(settings.seed, spawn_key=(1, batch, stream))
    )


def season(start: dt.date, days: int) -> Floats:
    """Return the factor on rates, shape (2, days): everyday buyers, then gift buyers.

    The mean over any 365 days is about 1 for both.
    """
    dates = np.datetime64(start) + np.arange(days)
    months = dates.astype("datetime64[M]").astype(int) % 12
    # The epoch, day 0, was a Thursday.
    weekdays = (dates.astype("datetime64[D]").astype(int) + 3) % 7
    by_month = np.array(MONTHS)
    days_in_month = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    by_month *= 365.25 / (by_month @ days_in_month)[:, None]
    by_weekday = np.array(WEEKDAYS) / np.mean(WEEKDAYS)
    return by_month[:, months] * by_weekday[weekdays]


@dataclass(frozen=True)
class Catalogue:
    """The products, shape (p,), in cells of category and grade, cell by cell.

    Attributes:
        price: cents, whole tens of them, so that a coupon leaves whole cents.
        cost: cents.
        quality: mean of the ratings before they are rounded and clipped.
        return_factor: factor on the buyer's chance to return the product.
        cumulative: the cell's number plus the popularity summed up within the cell. A
            cell's number plus a uniform number, looked up here, gives a product.

    """

    price: Ints
    cost: Ints
    quality: Floats
    return_factor: Floats
    cumulative: Floats
    per_cell: int

    @classmethod
    def of(cls, settings: Settings) -> "Catalogue":
        """Products of a shop; the same for all of its batches."""
        generator = np.random.default_rng(
            np.random.SeedSequence(settings.seed, spawn_key=(0,))
        )
        per_cell = settings.products_per_cell
        shape = (len(CATEGORIES), len(GRADES), per_cell)
        by_category = np.array([9, 12, 14, 7, 11, 6, 18, 8])[:, None, None]
        by_grade = np.array([0.5, 0.8, 1.2, 2.0, 3.5])[None, :, None]
        tens = by_category * by_grade * np.exp(generator.normal(0, 0.2, shape)) * 10
        price = (np.maximum(np.rint(tens), 5) * 10).astype(np.int64).ravel()
        quality = generator.normal(4.0, 0.7, price.shape)
        popularity = generator.gamma(0.8, size=(len(price) // per_cell, per_cell))
        popularity += 0.05
        popularity /= popularity.sum(axis=1, keepdims=True)
        cells = np.arange(len(popularity))[:, None]
        cumulative = np.cumsum(popularity, axis=1) + cells
        cumulative[:, -1] = cells[:, 0] + 1
        return cls(
            price=price,
            cost=np.rint(price * generator.uniform(0.4, 0.65, price.shape)).astype(int),
            quality=quality,
            return_factor=np.clip(1 + 0.6 * (4 - quality), 0.4, 2.0),
            cumulative=cumulative.ravel(),
            per_cell=per_cell,
        )

    def pick(self, cells: Ints, generator: np.random.Generator) -> Ints:
        """Products, one of each cell, at random by popularity."""
        points = cells + generator.random(len(cells))
        picked = np.searchsorted(self.cumulative, points, side="right")
        # Rounding may push a point up into the next cell.
        return np.minimum(picked, (cells + 1) * self.per_cell - 1)

    def cell_means(self, values: Floats) -> Floats:
        """Mean of a value per product by popularity, shape (categories, grades)."""
        shares = np.diff(self.cumulative, prepend=0.0)
        means = (shares * values).reshape(-1, self.per_cell).sum(axis=1)
        return means.reshape(len(CATEGORIES), len(GRADES))


@dataclass(frozen=True)
class People:
    """The traits of a batch of people, shape (n,); tastes have a row per person.

    Attributes:
        number: 1 for the shop's first person.
        is_gift_buyer: 0 or 1, the row of `season` that holds for the person.
        acquired: the day of arrival and of the first order.
        last_day: the last day on which the person may begin a trip.
        rate: purchases per day.
        dropout: chance of being gone after a day is 1 - exp(-dropout).
        conversion: chance that a trip ends in an order, before its cart is known.
        coupon: chance that an order has one.
        returns: chance that a line comes back, before its product's factor.
        categories: chance of each category, summed up, shape (n, categories).
        grades: chance of each grade, summed up, shape (n, grades).

    """

    number: Ints
    channel: Ints
    is_gift_buyer: Ints
    is_guest: Bools
    has_consented: Bools
    acquired: Ints
    last_day: Ints
    rate: Floats
    dropout: Floats
    conversion: Floats
    extra_lines: Floats
    coupon: Floats
    returns: Floats
    categories: Floats
    grades: Floats

    def __len__(self) -> int:
        return len(self.number)


def make_people(settings: Settings, batch: int) -> People:
    """People of a batch."""
    generator = random(settings, batch, Stream.PEOPLE)
    n = settings.people_per_batch
    channel = generator.choice(len(CHANNELS), n, p=CHANNEL_SHARES)
    # At the end twice as many people arrive per day as at the start.
    days = np.arange(settings.days)
    arrivals = season(settings.start, settings.days)[0]
    arrivals = np.cumsum(arrivals * (1 + days / settings.days))
    acquired = np.searchsorted(
        arrivals, generator.random(n) * arrivals[-1], side="right"
    )
    acquired = np.minimum(acquired, settings.last_day)
    rate = _gamma(
        generator,
        settings.rate_shape,
        settings.mean_rate * np.array(CHANNEL_RATES)[channel],
    )
    dropout = _gamma(
        generator,
        settings.dropout_shape,
        settings.mean_dropout * np.array(CHANNEL_DROPOUTS)[channel],
    )
    # A dropout so small that nobody lives to see it must not overflow.
    stay = generator.exponential(size=n) / np.maximum(dropout, 1e-9)
    tastes = generator.standard_gamma(TASTE_CONCENTRATION, (n, len(CATEGORIES))) + 1e-9
    level = generator.normal(np.array(CHANNEL_PRICE_LEVELS)[channel], 1.0)
    distance = np.arange(len(GRADES)) - (1.6 + 1.1 * level)[:, None]
    return People(
        number=batch * n + np.arange(n) + 1,
        channel=channel,
        is_gift_buyer=(generator.random(n) < settings.gift_share).astype(np.int64),
        is_guest=generator.random(n) < settings.guest_share,
        has_consented=generator.random(n) < settings.consent_share,
        acquired=acquired,
        last_day=acquired + np.minimum(stay, 1e6).astype(np.int64),
        rate=rate,
        dropout=dropout,
        conversion=generator.uniform(0.25, 0.6, n),
        extra_lines=_gamma(generator, 1.5, np.full(n, settings.mean_extra_lines)),
        coupon=generator.beta(1, 4, n),
        returns=np.minimum(generator.beta(1, 16, n), 0.45),
        categories=_cumulative_shares(tastes),
        grades=_cumulative_shares(np.exp(-(distance**2))),
    )


def _gamma(generator: np.random.Generator, shape: float, mean: Floats) -> Floats:
    return generator.standard_gamma(shape, len(mean)) * (mean / shape)


def _cumulative_shares(weights: Floats) -> Floats:
    cumulative = np.cumsum(weights, axis=1)
    cumulative /= cumulative[:, -1:]
    return cumulative


@dataclass(frozen=True)
class Trips:
    """Shopping trips in order of their beginning, shape (t,).

    Attributes:
        person: position in People.
        start_day, end_day: the days of the first and of the last visit.
        end_time: seconds of the end after midnight of the shop's first day.
        has_cart: whether the first visit left something in the cart.
        is_order: whether the trip ends in an order.

    """

    person: Ints
    start_day: Ints
    end_day: Ints
    end_time: Ints
    has_cart: Bools
    is_order: Bools

    def __len__(self) -> int:
        return len(self.person)


def order_chance(conversion: Floats, has_cart: Bools) -> Floats:
    """Chance that a trip that has begun ends in an order."""
    return conversion * np.where(has_cart, WITH_CART, WITHOUT_CART)


def make_trips(settings: Settings, people: People, batch: int) -> Trips:
    """All trips that begin by the shop's last day; the first of each person is sure."""
    generator = random(settings, batch, Stream.TRIPS)
    # Both seasons follow each other in one rising array, so one search finds all days.
    line = np.cumsum(season(settings.start, settings.days))
    offset = people.is_gift_buyer * settings.days
    begin = offset + people.acquired
    end = offset + np.minimum(people.last_day, settings.last_day)
    mean = people.rate / people.conversion * (line[end] - line[begin])
    later = np.repeat(np.arange(len(people)), generator.poisson(mean))
    points = line[begin[later]] + generator.random(len(later)) * (
        line[end[later]] - line[begin[later]]
    )
    found = np.minimum(np.searchsorted(line, points, side="right"), end[later])
    start_day = np.concatenate([people.acquired, found - offset[later]])
    person = np.concatenate([np.arange(len(people)), later])
    in_order = np.argsort(start_day, kind="stable")
    person, start_day = person[in_order], start_day[in_order]
    is_first = in_order < len(people)
    has_cart = generator.random(len(person)) < CART_SHARE
    chance = order_chance(people.conversion[person], has_cart)
    end_day = start_day + np.where(
        is_first, 0, _choose(generator, LEAD_CHANCES, len(person))
    )
    return Trips(
        person=person,
        start_day=start_day,
        end_day=end_day,
        end_time=at_daytime(generator, end_day),
        has_cart=has_cart,
        is_order=is_first | (generator.random(len(person)) < chance),
    )


def at_daytime(generator: np.random.Generator, day: Ints) -> Ints:
    """Random second of each day, by daytime, after midnight of the first day."""
    chances = np.array(HOURS) / np.sum(HOURS)
    seconds = generator.integers(0, 3600, len(day))
    return (
        day * SECONDS_PER_DAY + _choose(generator, chances, len(day)) * 3600 + seconds
    )


def _choose(generator: np.random.Generator, chances: Floats, n: int) -> Ints:
    """Positions of `chances`, picked `n` times by them."""
    cumulative = np.cumsum(chances)
    points = generator.random(n) * cumulative[-1]
    return np.searchsorted(cumulative, points, side="right")


@dataclass(frozen=True)
class Baskets:
    """What was ordered. Orders in order of time, shape (o,), then their lines, (l,).

    Attributes:
        person: of the order, position in People.
        day, time: of the order; seconds after midnight of the first day.
        order: of the line, position among the orders.
        discount: cents off the line as a whole.
        return_chance: what it was before it was known whether the line comes back.
        return_day: the day on which the line comes back; -1 if it never does.

    """

    person: Ints
    day: Ints
    time: Ints
    is_cancelled: Bools
    is_shipped: Bools
    order: Ints
    product: Ints
    quantity: Ints
    discount: Ints
    amount: Ints
    return_chance: Floats
    return_day: Ints


def make_baskets(
    settings: Settings, catalogue: Catalogue, people: People, trips: Trips, batch: int
) -> Baskets:
    """Orders in which the trips end, those after the shop's last day included."""
    generator = random(settings, batch, Stream.BASKETS)
    ending = np.flatnonzero(trips.is_order)
    ending = ending[np.argsort(trips.end_time[ending], kind="stable")]
    person = trips.person[ending]
    day = trips.end_day[ending]
    has_coupon = generator.random(len(person)) < people.coupon[person]
    is_cancelled = generator.random(len(person)) < settings.cancelled_share
    is_shipped = generator.random(len(person)) < settings.shipped_share
    lines = 1 + generator.poisson(people.extra_lines[person])
    order = np.repeat(np.arange(len(person)), lines)
    product = choose_products(generator, catalogue, people, person[order])
    quantity = 1 + _choose(generator, QUANTITY_CHANCES, len(order))
    gross = catalogue.price[product] * quantity
    discount = has_coupon[order] * gross * settings.coupon_percent // 100
    return_chance = people.returns[person[order]] * catalogue.return_factor[product]
    return_chance = np.where(is_cancelled[order], 0.0, return_chance)
    delay = _choose(generator, RETURN_CHANCES, len(order))
    is_returned = generator.random(len(order)) < return_chance
    return Baskets(
        person=person,
        day=day,
        time=trips.end_time[ending],
        is_cancelled=is_cancelled,
        is_shipped=is_shipped,
        order=order,
        product=product,
        quantity=quantity,
        discount=discount,
        amount=gross - discount,
        return_chance=return_chance,
        return_day=np.where(is_returned, day[order] + delay, -1),
    )


def choose_products(
    generator: np.random.Generator, catalogue: Catalogue, people: People, person: Ints
) -> Ints:
    """Products, one for each of `person`, by the tastes of that person."""
    category = _choose_by_row(generator, people.categories, person)
    grade = _choose_by_row(generator, people.grades, person)
    return catalogue.pick(category * len(GRADES) + grade, generator)


def _choose_by_row(
    generator: np.random.Generator, cumulative: Floats, row: Ints
) -> Ints:
    """Columns, one for each of `row`, by the chances that the row sums up."""
    points = generator.random(len(row))
    column = np.zeros(len(row), dtype=np.int64)
    for ends in cumulative.T[:-1]:
        column += ends[row] <= points
    return column


@dataclass(frozen=True)
class Batch:
    """A batch of people and all that they do, by the shop's last day or later."""

    index: int
    settings: Settings
    catalogue: Catalogue
    people: People
    trips: Trips
    baskets: Baskets


def make_batch(settings: Settings, catalogue: Catalogue, index: int) -> Batch:
    """Batch `index` of a shop, 0 for the first."""
    people = make_people(settings, index)
    trips = make_trips(settings, people, index)
    baskets = make_baskets(settings, catalogue, people, trips, index)
    return Batch(index, settings, catalogue, people, trips, baskets)
