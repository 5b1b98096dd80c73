"""Reads times as staging does, by macros/times.sql; says which zone offsets suggest.

A time that names its offset or zone is an instant, in DuckDB a TIMESTAMPTZ. One that
does not is a time of the shop's clock, a TIMESTAMP.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.settings import values
from clv_warehouse.project.sql import literal

# How often each zone or offset is named, by month, such as ("+0100", "2024-01").
ZoneCounts = Mapping[tuple[str, str], int]

_UTC = dt.timedelta(0)
# The zones of most shops come first where several explain the same offsets.
_KNOWN_ZONES = (
    *("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"),
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "Australia/Sydney"),
    *("Pacific/Auckland", "Asia/Tokyo", "Asia/Shanghai", "Asia/Kolkata"),
    *("America/Sao_Paulo", "America/Phoenix", "Europe/Istanbul", "Asia/Dubai"),
)


@dataclass(frozen=True)
class TextTimes:
    """SQL that reads a text as a time.

    Attributes:
        clock: what its clock shows, a TIMESTAMP; right only if it names no zone.
        instant: the instant, a TIMESTAMPTZ.
        zones: counts the zones that texts name, a map from '+0100 2024-01' to rows;
            null if none names one.

    """

    clock: str
    instant: str
    zones: str


def text_times(text: str, formats: Sequence[str], zone: str) -> TextTimes:
    """Write the SQL that reads the expression `text`, by strptime formats or as usual.

    Texts that name no zone are times of the clock in `zone`. The formats come first,
    since a person who names one means it.
    """
    parsed = {form: f"try_strptime({text}, {literal(form)})" for form in formats}
    zoned = {form for form in formats if "%z" in form.casefold()}

    def in_utc(zone: str) -> str:
        readings = [
            f"timezone('UTC', {value})"
            if form in zoned
            else sql_of("clock_to_utc", value, zone)
            for form, value in parsed.items()
        ]
        return f"coalesce({', '.join([*readings, sql_of('read_time', text, zone)])})"

    instant = f"timezone('UTC', {in_utc(zone)})"
    named = sql_of("zone_in", text)
    cases = [
        f"when {value} is not null then "
        + (f"strftime(timezone('UTC', {value}), '+0000')" if form in zoned else "''")
        for form, value in parsed.items()
    ]
    cases.append(f"when regexp_full_match({text}, '{sql_of('iso_time')}') then ''")
    zone_name = f"nullif(case {' '.join(cases)} else {named} end, '')"
    month = f"strftime({in_utc('UTC')}, '%Y-%m')"
    return TextTimes(
        clock=in_utc("UTC"),
        instant=instant,
        zones=f"histogram({zone_name} || ' ' || {month})",
    )


def shop_zone() -> str:
    """The time zone of the shop: the var time_zone in dbt_project.yml."""
    return str(values()["time_zone"])


def zone_counts(histogram: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Take apart what TextTimes.zones counts."""
    return {
        (zone, month): rows
        for each, rows in histogram.items()
        for zone, _, month in [each.rpartition(" ")]
    }


def offsets_in(counts: ZoneCounts) -> Counter[str]:
    """Add up the rows of each offset or zone, the most frequent first."""
    found: Counter[str] = Counter()
    for (zone, _), rows in counts.items():
        found[zone] += rows
    return Counter(dict(found.most_common()))


def explains(zone: str, counts: ZoneCounts) -> bool:
    """Whether clocks in `zone` have the offsets, each in its months."""
    return all(
        named == zone if "/" in named else _offset(named) in _offsets_of(zone, month)
        for named, month in counts
    )


def suggested_zones(counts: ZoneCounts, most: int = 3) -> list[str]:
    """Name zones that explain all offsets, the likeliest first; none if none does.

    Offsets of UTC suggest nothing: many systems write UTC wherever the shop is.
    """
    if all("/" not in named and _offset(named) == _UTC for named, _ in counts):
        return []
    others = sorted(name for name in available_timezones() if "/" in name)
    zones = dict.fromkeys((*_KNOWN_ZONES, *others))
    fitting = (zone for zone in zones if explains(zone, counts))
    return [zone for zone, _ in zip(fitting, range(most), strict=False)]


@cache
def _offset(named: str) -> dt.timedelta:
    """The offset that +0100, +01, UTC+1, Z or EST stand for."""
    words = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6}
    words |= {"PST": -8, "PDT": -7, "CET": 1, "CEST": 2}
    found = re.search(r"([+-])(\d{1,2}?):?(\d\d)?$", named)
    if found is None:
        return dt.timedelta(hours=words.get(named.upper(), 0))
    sign, hours, minutes = found.groups(default="0")
    size = dt.timedelta(hours=int(hours), minutes=int(minutes))
    return -size if sign == "-" else size


@cache
def _offsets_of(zone: str, month: str) -> frozenset[dt.timedelta | None]:
    """The offsets that a zone has at the start and after the end of a month."""
    first = dt.datetime.fromisoformat(f"{month}-01T12:00:00+00:00")
    days = (first, first + dt.timedelta(days=31))
    return frozenset(day.astimezone(ZoneInfo(zone)).utcoffset() for day in days)
