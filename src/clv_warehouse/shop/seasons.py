"""When people buy: months, weekdays, sale days, and Easter, which moves each year.

Sale days raise rates and leave prices as they are. Counted over whole months, rates
stay within a factor of exp(0.45) of the year's mean, as those of the shop in UCI's data
set Online Retail II do.
"""

import datetime as dt
from dataclasses import dataclass
from functools import cache

import numpy as np

from clv_warehouse.project.arrays import Floats, Ints

# Logs of the seasons of everyday and of gift buyers, by month; only differences matter.
MONTHS = np.array(
    [
        (-0.1, -0.08, -0.05, 0.0, 0.02, 0.0, -0.05, -0.08, 0.02, 0.06, 0.15, 0.14),
        (-0.3, -0.25, -0.2, -0.1, 0.0, -0.1, -0.25, -0.25, 0.0, 0.2, 0.34, 0.44),
    ]
)
# Both, by weekday from Monday.
WEEKDAYS = np.array([1.1, 1.0, 0.95, 0.95, 0.9, 0.95, 1.15])

# Factors on the rate of a day, and the days before Easter Sunday that sell more.
ON_SALE = 1.6
BEFORE_EASTER = 1.35
DAYS_BEFORE_EASTER = 12
ON_HOLIDAY = 0.6

# The years over which the seasons average one: all calendars of a cycle of 28 years.
CYCLE = (dt.date(2001, 1, 1), 10_227)
# How many days of its calendar a shop has planned.
DAYS_PLANNED = 400


@dataclass(frozen=True)
class Event:
    """A day that the shop's calendar names; its kind is sale or holiday."""

    day: dt.date
    name: str
    kind: str


def easter(year: int) -> dt.date:
    """Easter Sunday of a year, by the anonymous Gregorian algorithm (Meeus, 1991)."""
    golden, (century, year_of) = year % 19, divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - moon + 15) % 30
    weekday = (32 + 2 * rest + 2 * (year_of // 4) - epact - year_of % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return dt.date(year, month, day + 1)


def black_friday(year: int) -> dt.date:
    """Friday after the fourth Thursday of November."""
    first = dt.date(year, 11, 1)
    return first + dt.timedelta(days=(3 - first.weekday()) % 7 + 22)


@cache
def calendar(start: dt.date, days: int) -> tuple[Event, ...]:
    """Sale days and holidays from `start` on, for so many days."""
    events = []
    for year in range(start.year, (start + dt.timedelta(days=days)).year + 1):
        sunday = easter(year)
        events += [Event(dt.date(year, 1, 1), "New Year", "holiday")]
        events += [
            Event(dt.date(year, 1, 2 + n), "Winter sale", "sale") for n in range(7)
        ]
        events += [
            Event(sunday + dt.timedelta(days=n), name, "holiday")
            for n, name in ((-2, "Good Friday"), (0, "Easter"), (1, "Easter Monday"))
        ]
        events += [
            Event(dt.date(year, 7, 1 + n), "Summer sale", "sale") for n in range(7)
        ]
        events += [
            Event(black_friday(year) + dt.timedelta(days=n), "Black Friday", "sale")
            for n in range(4)
        ]
        events += [
            Event(dt.date(year, 12, day), "Christmas", "holiday") for day in (25, 26)
        ]
    end = start + dt.timedelta(days=days)
    return tuple(event for event in events if start <= event.day < end)


def season(start: dt.date, days: int) -> Floats:
    """Return the factor on rates, shape (2, days): everyday buyers, then gift buyers.

    The mean over many years is 1 for both, that over any one year about 1.
    """
    return _factors(start, days) / _factors(*CYCLE).mean(axis=1, keepdims=True)


@cache
def _factors(start: dt.date, days: int) -> Floats:
    dates = np.datetime64(start, "D") + np.arange(days)
    months = dates.astype("datetime64[M]").astype(int) % 12
    # The epoch, day 0, was a Thursday.
    weekdays = (dates.astype(int) + 3) % 7
    by_day = np.ones(days)
    for event in calendar(start, days):
        by_day[(event.day - start).days] *= (
            ON_SALE if event.kind == "sale" else ON_HOLIDAY
        )
    for year in range(start.year, (start + dt.timedelta(days=days)).year + 1):
        sunday = (easter(year) - start).days
        begin = max(sunday - DAYS_BEFORE_EASTER, 0)
        by_day[begin : max(sunday, 0)] *= BEFORE_EASTER
    return np.exp(MONTHS[:, months]) * WEEKDAYS[weekdays] * by_day


def month_of(start: dt.date, day: Ints) -> Ints:
    """Month, 0 for January, of days counted from `start`."""
    dates = np.datetime64(start, "D") + day
    return dates.astype("datetime64[M]").astype(np.int64) % 12
