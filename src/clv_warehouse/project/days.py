"""Dates as whole days since 1970, which arrays hold."""

from datetime import date

EPOCH = date(1970, 1, 1).toordinal()


def days_since_1970(day: date) -> int:
    """Return a date as the days since 1970."""
    return day.toordinal() - EPOCH


def date_of(days: int) -> date:
    """Return the date of so many days since 1970."""
    return date.fromordinal(days + EPOCH)
