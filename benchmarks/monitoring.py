"""Measure the watch: alarms of months in which nothing is wrong, and faults it finds.

Shops are drawn, small (50 to 100 orders a day) and large, young and old, with growth,
seasons, holidays, campaigns and an unsteady mix of countries and channels. Their
figures by four weeks, day and bin go through the SQL that the warehouse runs
(macros/monitoring.sql) and the limits that it has (seeds/reference/alarm_limits.csv).
First 200 months in which nothing is wrong: how many have an alarm above "say", of all
checks together. Then ten kinds of faults, whose sizes stand in FAULTS, each in the last
month of each shop: the share of shops in which its first month raises the alarm.

The limits were chosen on shops of other seeds, 1 to 5 and 101 to 105. It
fails where more than 2 months of 200 have an alarm, or where a fault is missed.
"""

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.harness import Row
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.opening import trusted
from clv_warehouse.project.places import ROOT

SEED, SHOPS, MONTHS = 17, 20, 10
MOST_MONTHS_WITH_ALARMS = 2
DAYS = 28
LIMITS = ROOT / "seeds" / "reference" / "alarm_limits.csv"
# What is planted, how large, and the check that is to say it.
FAULTS = {
    "a feature drifts by a PSI of 0.25": "feature_drift",
    "volume falls by 30 %": "volume",
    "the status of 8 % of the orders is renamed": "statuses",
    "a channel of 10 % of the orders is lost": "groups",
    "all amounts come in cents": "amounts",
    "a day is missing": "missing_days",
    "two days come twice": "repeats",
    "a country of 12 % of the orders is renamed": "groups",
    "a column that was full is null": "missing_values",
    "the currency of 10 % of the orders changes": "rejected",
}
COUNTRIES = np.array([0.4, 0.2, 0.12, 0.1, 0.08, 0.05, 0.03, 0.02])
CHANNELS = np.array([0.35, 0.25, 0.15, 0.1, 0.1, 0.05])
STATUSES = np.array([0.82, 0.08, 0.05, 0.04, 0.01])
# Shares that are missing, rejected or in doubt though nothing is wrong.
MISSING = np.array([0, 0, 0, 0.001, 0.01, 0.05, 0.2, 0.4, 0.7, 0.9])
REJECTED = np.array([0, 0.0005, 0.002, 0.005, 0.01])
FEATURES = 20
PERCENTS = ("10", "50", "90")
Floats = NDArray[np.float64]
SHARES = {
    "groups": ("country", "channel"),
    "statuses": ("status",),
    "missing_values": ("missing",),
    "rejected": ("rejected",),
    "repeats": ("repeated",),
    "money": ("doubted",),
    "distinct_values": ("distinct",),
}


@dataclass
class Shop:
    """A drawn shop, in windows of four weeks, the oldest first.

    Attributes:
        orders: by window and day.
        parts: by subject, orders by window and group.
        logs: sum, sum of squares and number of the logarithms of amounts, by window.
        features: the mean of each feature by window, in its standard deviations.
        customers: in the sample that drifts are judged on.
        totals: errors of the logarithm of totals, by window.
        expected_error: what was expected of them.
        covered: errors of the coverage of quantiles, by window and of PERCENTS.

    """

    orders: NDArray[np.int64]
    parts: dict[str, NDArray[np.int64]]
    logs: Floats
    features: Floats
    customers: int
    totals: Floats
    expected_error: float
    covered: Floats
    generator: np.random.Generator
    is_small: bool


def draw_shop(seed: int, number: int, windows: int) -> Shop:
    """A shop whose last month is `windows` of four weeks after its first."""
    g = np.random.default_rng([seed, number])
    is_small = number % 2 == 0
    a_day = g.uniform(50, 100) if is_small else g.uniform(1000, 4000)
    day = np.arange(windows * DAYS)
    year = 2 * math.pi * (day - g.integers(365)) / 365.25
    growth = g.uniform(-0.1, 0.4) * day / 365.25
    season = g.uniform(0, 0.35) * np.cos(year) + g.uniform(0, 0.1) * np.cos(2 * year)
    week = np.tile(g.normal(0, 0.15, 7), len(day) // 7 + 1)[: len(day)]
    unsteady = np.repeat(np.cumsum(g.normal(0, 0.02, windows)), DAYS)
    unsteady += np.repeat(g.normal(0, 0.02, windows), DAYS)
    holidays = np.zeros(len(day))
    for first, length, effect in (
        (g.integers(365), 1, math.log(0.3)),
        (g.integers(365), 2, math.log(0.4)),
        (g.integers(365), 4, math.log(g.uniform(1.5, 2.5))),
        (g.integers(365), 7, math.log(1.4)),
    ):
        for again in range(-1, len(day) // 365 + 1):
            # As Easter, some holidays are not on the same day each year.
            moves = int(g.integers(-9, 10)) if length == 2 else 0
            begins = int(first) + again * 365 + moves
            holidays[max(begins, 0) : max(begins + length, 0)] = effect
    rate = a_day * np.exp(growth + season + week + unsteady + holidays)
    daily = g.poisson(rate * g.gamma(100, 1 / 100, len(day)))
    orders = daily.reshape(windows, DAYS)
    whole = orders.sum(axis=1)
    phase = np.cos(2 * math.pi * np.arange(windows) * DAYS / 365.25)

    def mix(shares: Floats) -> NDArray[np.int64]:
        drift = np.cumsum(g.normal(0, 0.02, (windows, len(shares))), axis=0)
        tilt = phase[:, None] * g.normal(0, 0.05, len(shares))
        weights = shares * np.exp(drift + tilt + g.normal(0, 0.03, drift.shape))
        weights /= weights.sum(axis=1, keepdims=True)
        return np.array(
            [g.multinomial(n, w) for n, w in zip(whole, weights, strict=True)]
        )

    def rates(shares: Floats) -> NDArray[np.int64]:
        odds = shares / (1 - shares) * np.exp(g.normal(0, 0.1, (windows, len(shares))))
        return g.binomial(whole[:, None], odds / (1 + odds))

    parts = {
        "country": mix(g.permuted(COUNTRIES)),
        "channel": mix(CHANNELS),
        "status": mix(STATUSES),
        "missing": rates(MISSING),
        "rejected": rates(REJECTED),
        "repeated": rates(np.array([g.choice([0, 0.001, 0.01])])),
        "doubted": rates(np.array([g.choice([0, 0.003, 0.02])])),
        "distinct": np.column_stack(
            [_distinct(g, whole, 10 * a_day), _distinct(g, whole, g.uniform(50, 5000))]
        ),
    }
    mean = 3.8 + 0.03 * np.arange(windows) / 13 + 0.06 * phase * g.uniform(-1, 1)
    mean += g.normal(0, 0.01, windows)
    logs = np.array([_logs(g, m, n) for m, n in zip(mean, whole, strict=True)])
    trend = np.zeros(FEATURES)
    trend[:3] = g.uniform(0, 0.4, 3)  # as the age of customers
    features = (
        trend * np.arange(windows)[:, None] / 13
        + g.uniform(0, 0.25, FEATURES)
        * np.cos(phase[:, None] + g.uniform(0, 6, FEATURES))
        + g.normal(0, 0.03, (windows, FEATURES))
    )
    customers = int(g.uniform(1500, 3000)) if is_small else 4000
    sigma = g.uniform(0.05, 0.15)
    totals = g.normal(0, sigma, windows)
    return Shop(
        orders=orders,
        parts=parts,
        logs=logs,
        features=features,
        customers=customers,
        totals=totals,
        expected_error=float(sigma * np.sqrt(g.chisquare(8) / 8)),
        covered=_coverage_errors(g, customers, totals),
        generator=g,
        is_small=is_small,
    )


def _distinct(
    g: np.random.Generator, whole: NDArray[np.int64], values: float
) -> NDArray[np.int64]:
    """How many of so many values, some popular, are in the rows of each window."""
    popular = g.gamma(0.5, 1, int(values)) + 1e-3
    popular /= popular.sum()
    return np.array([(g.poisson(n * popular) > 0).sum() for n in whole])


def _coverage_errors(g: np.random.Generator, customers: int, totals: Floats) -> Floats:
    """By window and quantile, how many more customers than stated were below it."""
    stated = np.array([0.7, 0.75, 0.9])  # most buy nothing
    follows = np.array([-0.3, -0.25, -0.05])  # where more is spent, fewer are below
    true = stated + np.outer(totals, follows)
    true += g.normal(0, 0.015, true.shape)
    return g.binomial(customers, np.clip(true, 0, 1)) / customers - stated


def _logs(g: np.random.Generator, mean: float, number: int) -> list[float]:
    logs = g.normal(mean, 0.9, number)
    return [float(logs.sum()), float((logs**2).sum()), float(number)]


def plant(shop: Shop, fault: str) -> None:
    """Plant a fault of FAULTS into the last month of a shop."""
    g, last = shop.generator, -1
    parts, whole = shop.parts, shop.orders[last].sum()
    if fault.startswith("a feature"):
        shop.features[last, 5] += 0.5  # of a normal variable: PSI is the square
    elif fault.startswith("volume"):
        shop.orders[last] = g.binomial(shop.orders[last], 0.7)
        for rows in parts.values():
            rows[last] = g.binomial(rows[last], 0.7)
        shop.logs[last] *= shop.orders[last].sum() / whole
    elif fault.startswith("the status"):
        _rename(parts, "status", 1)
    elif fault.startswith("a channel"):
        lost = parts["channel"][last, 3]
        parts["channel"][last, 3] = 0
        shop.orders[last] = g.binomial(shop.orders[last], 1 - lost / whole)
    elif fault.startswith("all amounts"):
        total, squares, number = shop.logs[last]
        cents = math.log(100)
        shop.logs[last] = [
            total + number * cents,
            squares + 2 * cents * total + number * cents**2,
            number,
        ]
    elif fault.startswith("a day"):
        shop.orders[last, g.integers(DAYS)] = 0
    elif fault.startswith("two days"):
        days = g.choice(DAYS, 2, replace=False)
        copies = shop.orders[last, days].sum()
        shop.orders[last, days] *= 2
        parts["repeated"][last] += copies
    elif fault.startswith("a country"):
        of_shop = parts["country"].sum(axis=0) / parts["country"].sum()
        _rename(parts, "country", int(np.argmin(abs(of_shop - 0.12))))
    elif fault.startswith("a column"):
        parts["missing"][last, 0] = whole
    elif fault.startswith("the currency"):
        parts["rejected"][last, 0] = g.binomial(whole, 0.1)
    else:
        raise ValueError(fault)


def _rename(parts: dict[str, NDArray[np.int64]], subject: str, group: int) -> None:
    renamed = np.zeros(len(parts[subject]), np.int64)
    renamed[-1] = parts[subject][-1, group]
    parts[subject][-1, group] = 0
    parts[subject] = np.column_stack([parts[subject], renamed])


class Cases:
    """Months of shops as the relations that the macros read."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple]] = {
            name: [] for name in ("days", "shares", "levels", "bins", "said", "held")
        }

    def add(self, case: int, shop: Shop, windows: int) -> None:
        """Add a shop as it was after so many windows."""
        numbers = range(windows - 1, -1, -1)  # 0 is the newest
        rows = self.rows
        first = dt.date(2020, 1, 6)
        for day, value in enumerate(shop.orders[:windows].ravel()):
            rows["days"].append(
                (
                    case,
                    "missing_days",
                    "orders",
                    "",
                    first + dt.timedelta(day),
                    int(value),
                    windows - 1 - day // DAYS,
                )
            )
        for window, number in enumerate(numbers):
            whole = int(shop.orders[window].sum())
            total, squares, count = shop.logs[window]
            rows["levels"].append(
                (case, "amounts", "orders", "", number, total, squares, count)
            )
            for check, subjects in SHARES.items():
                for subject in subjects:
                    table = shop.parts[subject]
                    # Groups are parts of all orders that are there.
                    of = (
                        int(table[window].sum())
                        if check in ("groups", "statuses")
                        else whole
                    )
                    for group, part in enumerate(table[window]):
                        rows["shares"].append(
                            (
                                case,
                                check,
                                subject,
                                str(group),
                                number,
                                min(int(part), of),
                                of,
                            )
                        )
        self._add_bins(case, shop, windows)
        change = float(shop.totals[windows - 1])
        rows["said"].append(
            (case, "forecast_totals", "365", "", change, shop.expected_error)
        )
        for percent, error in zip(PERCENTS, shop.covered[windows - 1], strict=True):
            rows["said"].append(
                (
                    *(case, "forecast_ranges", "365", percent),
                    *(float(error), float(shop.customers)),
                )
            )
        # Of four weeks, so that no two overlap.
        range_of_80 = 1.2815515655446 * shop.expected_error
        held = np.abs(shop.totals[max(windows - 13, 0) : windows]) <= range_of_80
        rows["held"].append(
            (case, "total_ranges", "28", "", float(held.mean()), float(len(held)))
        )

    def _add_bins(self, case: int, shop: Shop, windows: int) -> None:
        """Each month against the same one a year before, of as many customers."""
        edges = np.linspace(-1.3, 1.3, 9)
        g = np.random.default_rng([case, windows])
        counts = {
            window: [
                np.histogram(
                    g.normal(mean, 1, shop.customers), [-np.inf, *edges, np.inf]
                )[0]
                for mean in shop.features[window]
            ]
            for window in {
                each - back
                for each in range(windows - 1, max(windows - 13, 12), -1)
                for back in (0, 13)
                if each - back >= 0
            }
        }
        for pair, window in enumerate(range(windows - 1, max(windows - 13, 12), -1)):
            for feature in range(FEATURES):
                now, before = counts[window][feature], counts[window - 13][feature]
                check = (
                    "prediction_drift" if feature >= FEATURES - 4 else "feature_drift"
                )
                self.rows["bins"] += [
                    (case, check, str(feature), "", pair, str(b), int(n), int(m))
                    for b, (n, m) in enumerate(zip(now, before, strict=True))
                ]


COLUMNS = {
    "days": ["activity_date", "value", "window_number"],
    "shares": ["window_number", "part", "whole"],
    "levels": ["window_number", "total", "squares", "whole"],
    "bins": ["pair_number", "bin", "now_rows", "before_rows"],
    "said": ["change", "error_or_customers"],
    "held": ["held_share", "independent"],
}
KEYS = ["case_number", "check_name", "subject", "group_name"]


def alarms(cases: Cases) -> list[tuple[int, str, str, str, str, float, float]]:
    """The alarms by the warehouse's SQL: case, check, subject, group, severity ..."""
    steps = {
        "judged_days": sql_of("judged_days", "days", KEYS),
        "judged_volumes": sql_of("judged_volumes", "volume_days", KEYS),
        "judged_shares": sql_of("judged_shares", "shares", KEYS),
        "judged_levels": sql_of("judged_levels", "levels", KEYS),
        "drifts": sql_of("drift_sizes", "bins", [*KEYS, "pair_number"]),
        "judged_drift": sql_of("judged_drifts", "drifts", KEYS),
    }
    keys = ", ".join(KEYS)
    totals = sql_of("calibration_errors", "change", "error_or_customers")
    ranges = " ".join(
        f"when '{percent}' then "
        + sql_of("coverage_errors", "change", "error_or_customers", int(percent))
        for percent in PERCENTS
    )
    drift = sql_of("drift_size", "psi_size", "ks_size")
    held = sql_of("held_errors", "held_share", "independent")
    steps["figures"] = sql_of("quality_sizes", KEYS)
    union = f"""
        select {keys}, size, errors from figures
        union all select {keys}, {drift}, 0 from judged_drift
        union all select {keys}, abs(change), {totals} from said
        where check_name = 'forecast_totals'
        union all select {keys}, abs(change), case group_name {ranges} end from said
        where check_name = 'forecast_ranges'
        union all select {keys}, 0.8 - held_share, {held} from held
    """
    with trusted(duckdb.connect()) as connection:
        for name, columns in COLUMNS.items():
            rows = list(zip(*cases.rows[name], strict=True))
            table = pa.table(
                dict(zip([*KEYS, *columns], map(pa.array, rows), strict=True))
            )
            connection.register(f"{name}_in", table)
            connection.execute(f"create table {name} as select * from {name}_in")
        connection.execute(
            "create table limits as "
            "select * from read_csv(?, types={'stop_at': 'double'})",
            [str(LIMITS)],
        )
        connection.execute(
            "create table volume_days as "
            "select * replace ('volume' as check_name) from days"
        )
        for name, query in steps.items():
            connection.execute(f"create table {name} as {query}")
        severity = sql_of("severity_of", "size", "errors")
        return connection.sql(
            f"with judged as ({union}) "
            f"select {keys}, {severity} as severity, size, errors "
            "from judged inner join limits using (check_name) "
            f"where {severity} is not null order by all"
        ).fetchall()


def benchmark(seed: int = SEED) -> Iterator[Row]:
    """Count alarms of months in which nothing is wrong, then faults that are found.

    Raises RuntimeError, once all is measured, where either is not as it should be.
    """
    lengths = [int(each) for each in np.linspace(8 + MONTHS, 39, SHOPS)]
    shops = [draw_shop(seed, number, length) for number, length in enumerate(lengths)]
    cases = Cases()
    for number, (shop, length) in enumerate(zip(shops, lengths, strict=True)):
        for month in range(MONTHS):
            cases.add(number * MONTHS + month, shop, length - month)
    found = alarms(cases)
    loud = [each for each in found if each[4] != "say"]
    months = len({each[0] for each in loud})
    for each in loud:
        print("false alarm:", *each)
    case = f"{SHOPS * MONTHS} months in which nothing is wrong"
    yield Row(case, "clv_warehouse", "months with an alarm above say", months)
    said = len({each[0] for each in found})
    yield Row(case, "clv_warehouse", "months in which anything is said", said)
    wrong = [f"{months} of the months have an alarm"] * (
        months > MOST_MONTHS_WITH_ALARMS
    )
    for fault, check in FAULTS.items():
        cases = Cases()
        for number, length in enumerate(lengths):
            shop = draw_shop(seed, number, length)
            plant(shop, fault)
            cases.add(number, shop, length)
        caught = {
            each[0] for each in alarms(cases) if each[4] != "say" and each[1] == check
        }
        for size, of in (("small", 0), ("large", 1)):
            share = np.mean([n in caught for n in range(SHOPS) if n % 2 == of])
            yield Row(
                f"{fault}, {size} shops", "clv_warehouse", "share caught", float(share)
            )
            if share < 1:
                wrong.append(f"{fault}: missed in {1 - share:.0%} of the {size} shops")
    if wrong:
        raise RuntimeError("\n".join(["The watch is not as it should be.", *wrong]))
