"""Makes purchase logs of kinds of shops on which nobody chose a constant but one.

Each kind says who comes when, at which gaps they buy, when they leave and what they
spend. The processes are simple on purpose: they show whether a method breaks where a
shop is young, regular, rare, old or small, not how good it is on real customers. The
benchmark judges network and prior beside gradient boosting and simple rules. The one
constant is the usual error of totals (clv/totals.py), which moves no forecast.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from benchmarks.accuracy import Shop, judge_shop
from benchmarks.harness import FOLDER, Row
from clv_warehouse.project.arrays import Floats

LAST_DAY = np.datetime64("2025-06-30", "D")
YEAR = 365


@dataclass(frozen=True)
class Log:
    """Purchases of customers, shape (p,) each.

    Attributes:
        customer: a number.
        day: days since the shop's start, perhaps broken.
        amount: what it cost, in currency.

    """

    customer: NDArray[np.int64]
    day: Floats
    amount: Floats


Random = np.random.Generator


@dataclass(frozen=True)
class Kind:
    """A kind of shop.

    Attributes:
        days: how long it has been selling.
        horizons: at which it is judged, in days.
        make: makes the purchases of so many days.

    """

    days: int
    horizons: tuple[int, ...]
    make: Callable[[Random, int], Log]


def bought(
    first: NDArray,
    leaves: NDArray,
    gaps: Callable[[NDArray[np.int64]], Floats],
    days: int,
) -> tuple[NDArray[np.int64], Floats]:
    """Return customer and day of all purchases until a customer leaves or days end.

    `first` and `leaves`, (n,), are days; `gaps` draws the next gap of some customers.
    """
    customers, found = np.arange(len(first)), []
    day = first
    while len(customers):
        found.append((customers, day))
        day = day + gaps(customers)
        stays = day < np.minimum(leaves[customers], days)
        customers, day = customers[stays], day[stays]
    who, when = (np.concatenate(part) for part in zip(*found, strict=True))
    return who, when.astype(np.float64)


def amounts(
    random: Random, customer: NDArray[np.int64], mean: float, between: float, own: float
) -> Floats:
    """Return lognormal amounts; the two spreads are those of their logarithms."""
    level = random.normal(0, between, customer.max() + 1)
    return np.round(
        mean * np.exp(level[customer] + random.normal(0, own, len(customer))), 2
    )


def steady(
    random: Random,
    days: int,
    customers: int,
    gap: float,
    spread: float,
    stages: float,
    life: float,
    mean: float = 40,
    between: float = 0.5,
    own: float = 0.4,
    growth: float = 0,
) -> Log:
    """Customers come evenly, or more and more; each has a mean gap of its own.

    `stages` is the shape of the gamma of a customer's gaps: 1 for buying at random, 3
    for a rhythm. `gap` and `life` are medians in days; `spread` is that of log gaps.
    """
    first = days * random.random(customers) ** (1 / (1 + growth))
    own_gap = gap * np.exp(random.normal(0, spread, customers))
    leaves = first + life * random.exponential(1, customers) * np.exp(
        random.normal(0, 0.7, customers)
    )
    customer, day = bought(
        first,
        leaves,
        lambda who: random.gamma(stages, own_gap[who] / stages),
        days,
    )
    return Log(customer, day, amounts(random, customer, mean, between, own))


def subscriptions(random: Random, days: int) -> Log:
    """A box each month, two months or quarter; some pause, some end after a period."""
    customers = 3_000
    first = days * random.random(customers)
    period = random.choice([30.4, 60.9, 91.3], customers, p=[0.6, 0.25, 0.15])
    ends = random.geometric(random.beta(1.2, 14, customers).clip(0.005))

    def gaps(who: NDArray[np.int64]) -> Floats:
        pauses = random.random(len(who)) < 0.06
        return period[who] * (1 + pauses) + random.normal(0, 1, len(who))

    customer, day = bought(first, first + ends * period, gaps, days)
    return Log(customer, day, amounts(random, customer, 25, 0.4, 0.1))


def rare(random: Random, days: int) -> Log:
    """One customer in twenty comes back."""
    customers = 15_000
    first = days * random.random(customers)
    comes_back = random.random(customers) < 0.07
    gap = np.where(comes_back, random.gamma(2, 90, customers) + 10, np.inf)
    leaves = np.full(customers, np.inf)
    customer, day = bought(
        first,
        leaves,
        lambda who: random.exponential(1, len(who)) * gap[who],
        days,
    )
    return Log(customer, day, amounts(random, customer, 90, 0.6, 0.4))


def donations(random: Random, days: int) -> Log:
    """Ten years of gifts: most once a year about the same time, some each month."""
    customers = 6_000
    # Half of all first gifts are given around the end of a year.
    year = random.integers(0, days // YEAR, customers)
    of_year = np.where(
        random.random(customers) < 0.5,
        random.normal(165, 15, customers),
        YEAR * random.random(customers),
    )
    first = np.clip(year * YEAR + of_year, 0, days - 1)
    monthly = random.random(customers) < 0.08
    ends = random.geometric(random.beta(1, 2.5, customers).clip(0.01))
    leaves = first + np.where(monthly, 900, ends * YEAR - 180)

    def gaps(who: NDArray[np.int64]) -> Floats:
        yearly = np.maximum(random.normal(YEAR, 25, len(who)), 20)
        extra = random.random(len(who)) < 0.1
        yearly = np.where(extra, YEAR * random.random(len(who)), yearly)
        return np.where(monthly[who], 30.4, yearly)

    customer, day = bought(first, leaves, gaps, days)
    size = np.where(monthly[customer], 20.0, 80.0)
    given = amounts(random, customer, 1, 1.3, 0.3)
    paid: Floats = np.maximum(size * given, 1.0)
    return Log(customer, day, np.round(paid, 2))


def tickets(random: Random, days: int) -> Log:
    """Most buy when something is on that they like: bursts, and long silence."""
    customers, shows = 9_000, days // 9
    sold = np.sort(days * random.random(shows))
    draw = random.gamma(0.5, 2, shows)
    genre = random.integers(0, 6, shows)
    likes = random.dirichlet(np.full(6, 0.3), customers)
    keen = random.gamma(0.4, 0.08, customers)
    begins = days * (random.random(customers) - 0.2)
    chance = keen[:, None] * likes[:, genre] * draw * 6
    chance *= sold > begins[:, None]
    chance *= sold < (begins + 1_500 * random.exponential(1, customers))[:, None]
    customer, show = np.nonzero(random.random(chance.shape) < chance)
    day = np.minimum(sold[show] + random.exponential(4, len(show)), days - 0.5)
    price = 30 * np.exp(random.normal(0, 0.4, shows))[show]
    paid: Floats = np.multiply(
        price, random.integers(1, 4, len(show)), dtype=np.float64
    )
    return Log(customer, day, np.round(paid, 2))


KINDS = {
    "young": Kind(
        212,
        (91, 30),
        lambda random, days: steady(
            random, days, 6_000, 45, 0.9, 1, 150, mean=50, growth=0.5
        ),
    ),
    "coffee": Kind(
        3 * YEAR,
        (365, 91),
        lambda random, days: steady(random, days, 3_000, 32, 0.5, 3, 400, mean=28),
    ),
    "subscriptions": Kind(3 * YEAR, (365, 91), subscriptions),
    "rare": Kind(2 * YEAR, (365, 91), rare),
    "donations": Kind(10 * YEAR, (365, 182), donations),
    "grocery": Kind(
        2 * YEAR,
        (182, 30),
        lambda random, days: steady(
            random, days, 1_500, 7, 0.6, 2, 700, mean=45, between=0.6, own=0.5
        ),
    ),
    "tickets": Kind(3 * YEAR, (365, 91), tickets),
    "wholesale": Kind(
        3 * YEAR,
        (365, 91),
        lambda random, days: steady(
            random, days, 180, 21, 0.7, 2, 900, mean=900, between=1.2, own=0.5
        ),
    ),
}


def benchmark(
    kinds: Sequence[str] = tuple(KINDS), seed: int = 1, folder: Path = FOLDER
) -> Iterator[Row]:
    """Judge network and prior beside other forecasts in each kind of shop."""
    for name in kinds:
        horizons = KINDS[name].horizons
        shop = Shop("folder", "", horizons, {"horizons": sorted(horizons)})
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            write_orders(name, Path(scratch), seed)
            yield from judge_shop(
                name, shop, Path(scratch), folder, [], ["gradient_boosting"]
            )


def write_orders(kind: str, folder: Path, seed: int = 1) -> None:
    """Write the file orders.csv of a kind of shop into a folder."""
    made = KINDS[kind]
    log = made.make(np.random.default_rng(seed), made.days)
    order = np.lexsort([log.customer, log.day])
    start = LAST_DAY - made.days + 1
    seconds = np.round(log.day[order] * 86_400).astype("timedelta64[s]")
    orders = pa.table(
        {
            "order_id": pa.array(np.arange(len(order))),
            "customer_id": pa.array(log.customer[order]),
            "ordered_at": pa.array(start.astype("datetime64[s]") + seconds),
            "amount": pa.array(log.amount[order]),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    csv.write_csv(orders, folder / "orders.csv")
