"""From tables to arrays: customers as of a date, and what they spent afterwards."""

from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import md5

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from clv_warehouse.clv.prior import History
from clv_warehouse.project.arrays import Floats, Singles

# The numeric columns of customer_features that are inputs, and those of them that
# may be null: where a customer has bought too rarely to have one, has never been seen
# browsing, or has written no review. A null last rating says what a null mean does.
NUMBERS = (
    "frequency",
    "recency_days",
    "tenure_days",
    "cycle_days",
    "cycle_sd_days",
    "amount_mean",
    "amount_sd",
    "amount_last",
    "amount_max",
    "orders",
    "items",
    "distinct_products",
    "past_spend",
    "returned_amount",
    "return_days",
    "spend_30d",
    "spend_90d",
    "spend_180d",
    "spend_365d",
    "purchases_30d",
    "purchases_90d",
    "purchases_180d",
    "purchases_365d",
    "views_30d",
    "carts_30d",
    "sessions_30d",
    "days_since_seen",
    "reviews",
    "rating_mean",
    "rating_last",
)
NULLABLE = (
    "cycle_days",
    "cycle_sd_days",
    "amount_sd",
    "days_since_seen",
    "rating_mean",
)
# A channel is so many bits of its name's digest. Shops differ in their channels, a
# network's inputs do not; two of a dozen channels share all bits once in 60 shops.
CHANNEL = "acquisition_channel"
CHANNEL_BITS = 12
# What a network would have to find out: how one number stands to another.
RATIOS = (
    "recency_to_cycle",
    "recency_to_tenure",
    "last_to_mean_amount",
    "max_to_mean_amount",
    "returned_share",
    "spend_trend_30d",
    "spend_trend_90d",
    "spend_trend_180d",
    "spend_rate_365d",
    "spend_rate",
    "cycle_variation",
    "amount_variation",
    "items_per_purchase",
    "products_per_purchase",
)
CUSTOMER_INPUTS = (
    *NUMBERS,
    *(f"{name}_is_missing" for name in NULLABLE),
    *(f"{CHANNEL}_{bit}" for bit in range(CHANNEL_BITS)),
    *RATIOS,
)
# The last purchases as a sequence: how many, and what is known of each.
PURCHASES = 16
SEQUENCES = ("purchase_days_before", "purchase_amounts")
# Derived from others, so no input, but a forecast that others are compared with.
FORMULA = "formula_value"
COLUMNS = ("customer_key", "as_of_date", *NUMBERS, CHANNEL, FORMULA)
MONTHS = 12


@dataclass(frozen=True)
class Customers:
    """Rows of customer_features, shape (m,) each.

    Attributes:
        customer_key: as Arrow holds it, for a million keys cost too much as objects.
        as_of_date: datetime64[D].
        numbers: float64 per numeric column, NaN for null, and `channel_codes`.
        sequences: (m, PURCHASES, len(SEQUENCES)) log of one plus days before and
            amount of the last purchases, the last one last, zeros before the first;
            None where the columns were not read.

    """

    customer_key: pa.Array
    as_of_date: NDArray[np.datetime64]
    numbers: dict[str, Floats]
    sequences: Singles | None = None

    def __len__(self) -> int:
        return len(self.as_of_date)

    @classmethod
    def from_arrow(cls, rows: pa.RecordBatch | pa.Table) -> "Customers":
        """Rows of customer_features as they come; KeyError names a missing column."""

        def column(name: str) -> pa.Array:
            values = rows[name]
            if isinstance(values, pa.ChunkedArray):
                values = values.combine_chunks()
            return values

        return cls(
            column("customer_key"),
            column("as_of_date").to_numpy(zero_copy_only=False).astype("datetime64[D]"),
            {
                name: column(name)
                .cast(pa.float64())
                .to_numpy(zero_copy_only=False)
                .astype(np.float64, copy=False)
                for name in (*NUMBERS, FORMULA)
            }
            | {CHANNEL: channel_codes(column(CHANNEL))},
            _sequences([column(name) for name in SEQUENCES])
            if SEQUENCES[0] in rows.schema.names
            else None,
        )

    def take(self, rows: NDArray) -> "Customers":
        """Choose the customers at some places, or where a mask is true."""
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        return Customers(
            self.customer_key.take(pa.array(rows)),
            self.as_of_date[rows],
            {name: values[rows] for name, values in self.numbers.items()},
            None if self.sequences is None else self.sequences[rows],
        )

    @cached_property
    def history(self) -> History:
        """What the prior knows of each customer."""
        return History.from_features(
            self.numbers["frequency"],
            self.numbers["recency_days"],
            self.numbers["tenure_days"],
            self.numbers["amount_mean"],
        )

    @cached_property
    def inputs(self) -> Singles:
        """Network inputs, shape (m, len(CUSTOMER_INPUTS)).

        Counts, days and amounts are long-tailed: sign(x) log(1 + |x|). Missing is 0,
        with an input that says so. The bits of a channel are -1 or 1, and 0 for none.
        Ratios are logarithms of their own.
        """
        inputs = np.empty((len(self), len(CUSTOMER_INPUTS)), dtype=np.float32)
        widths = (len(NUMBERS), len(NULLABLE), CHANNEL_BITS)
        values, missing, channel, ratios = np.split(inputs, np.cumsum(widths), axis=1)
        for place, name in enumerate(NUMBERS):
            values[:, place] = self.numbers[name]
        for place, name in enumerate(NULLABLE):
            missing[:, place] = np.isnan(self.numbers[name])
        channel[:] = channel_bits(self.numbers[CHANNEL])
        np.nan_to_num(values, copy=False)
        np.copysign(np.log1p(np.abs(values)), values, out=values)
        ratios[:] = np.column_stack(self._ratios())
        return inputs

    def _ratios(self) -> list[Floats]:
        """Compute the columns of RATIOS, shape (m,) each.

        A rate counts a tenth of a purchase that nobody saw, so that it has a
        logarithm where nothing was spent.
        """
        numbers = self.numbers
        amount, frequency = numbers["amount_mean"], numbers["frequency"]
        recency, tenure = numbers["recency_days"] + 1, numbers["tenure_days"] + 1
        cycle = np.maximum(np.nan_to_num(numbers["cycle_days"], nan=np.inf), 1)

        def rate(spend: str, days: Floats | float) -> Floats:
            return np.log((np.maximum(numbers[spend], 0) + amount / 10) / days)

        year = rate("spend_365d", np.minimum(tenure, 365))
        return [
            np.log1p(recency / cycle),
            recency / tenure,
            np.log(np.maximum(numbers["amount_last"], amount / 100) / amount),
            np.log(np.maximum(numbers["amount_max"], amount) / amount),
            np.minimum(numbers["returned_amount"] / (amount * frequency), 1),
            *(rate(f"spend_{days}d", days) - year for days in (30, 90, 180)),
            year,
            rate("past_spend", tenure),
            np.log1p(np.nan_to_num(numbers["cycle_sd_days"]) / cycle),
            np.log1p(np.nan_to_num(numbers["amount_sd"]) / amount),
            np.log1p(np.maximum(numbers["items"], 0) / frequency),
            np.log1p(np.maximum(numbers["distinct_products"], 0) / frequency),
        ]


@dataclass(frozen=True)
class Observations:
    """Customers, each with a horizon and, where it is known, what came of it.

    Attributes:
        customers: the m customers, each as of a date.
        row: (n,) place in `customers` of each observation.
        horizon_days: (n,) days looked ahead.
        spend: (n,) net spend within the horizon; None where it is to be forecast.
        purchases: (n,) purchase days within it; None likewise.

    """

    customers: Customers
    row: NDArray[np.intp]
    horizon_days: NDArray[np.int64]
    spend: Floats | None = None
    purchases: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def from_arrow(cls, features: pa.Table, targets: pa.Table) -> "Observations":
        """Rows of customer_features with their targets.

        Ordered by date, customer and horizon, whatever the order of the tables:
        the same data train the same network.
        """
        keys = ["as_of_date", "customer_key"]
        features = features.sort_by([(key, "ascending") for key in keys])
        index = features.select(keys).append_column(
            "row", pa.array(np.arange(len(features)))
        )
        joined = targets.join(index, keys, join_type="inner").sort_by(
            [("row", "ascending"), ("horizon_days", "ascending")]
        )
        return cls(
            Customers.from_arrow(features),
            joined["row"].to_numpy(),
            joined["horizon_days"].to_numpy().astype(np.int64),
            joined["spend"].to_numpy().astype(np.float64),
            joined["purchases"].to_numpy().astype(np.int64),
        )

    def where(self, chosen: NDArray[np.bool_]) -> "Observations":
        """Choose the observations where `chosen` is true."""
        return replace(
            self,
            row=self.row[chosen],
            horizon_days=self.horizon_days[chosen],
            spend=None if self.spend is None else self.spend[chosen],
            purchases=None if self.purchases is None else self.purchases[chosen],
        )

    def known_at(self, date: np.datetime64) -> "Observations":
        """Those whose horizon is over by `date`: what may be learnt from then."""
        return self.where(self.end_date <= date)

    @property
    def customer_key(self) -> NDArray[np.object_]:
        """Shape (n,)."""
        return self.customers.customer_key.to_numpy(zero_copy_only=False)[self.row]

    @property
    def as_of_date(self) -> NDArray[np.datetime64]:
        """Shape (n,), datetime64[D]."""
        return self.customers.as_of_date[self.row]

    @property
    def end_date(self) -> NDArray[np.datetime64]:
        """Last day of the horizon, shape (n,), datetime64[D]."""
        return self.as_of_date + self.horizon_days

    def column(self, name: str) -> Floats:
        """Return a numeric column of customer_features, shape (n,), NaN for null."""
        return self.customers.numbers[name][self.row]

    @cached_property
    def history(self) -> History:
        """What the prior knows, shape (n,)."""
        return History.from_features(
            self.column("frequency"),
            self.column("recency_days"),
            self.column("tenure_days"),
            self.column("amount_mean"),
        )

    @cached_property
    def calendar(self) -> Singles:
        """Share of the horizon's days in each month of the year, shape (n, 12)."""
        return calendar_shares(self.as_of_date, self.horizon_days)

    @property
    def matrix(self) -> Singles:
        """All that a forecast may know, shape (n, F): customer, horizon, calendar."""
        horizon = np.log(self.horizon_days).astype(np.float32)[:, None]
        return np.hstack([self.customers.inputs[self.row], horizon, self.calendar])


def _sequences(columns: list[pa.Array]) -> Singles:
    """Lists of the last purchases as one array; see Customers.sequences."""
    sequences = np.zeros((len(columns[0]), PURCHASES, len(columns)), dtype=np.float32)
    for place, column in enumerate(columns):
        lengths = np.diff(column.offsets.to_numpy())
        row = np.repeat(np.arange(len(lengths)), lengths)
        back = np.cumsum(lengths)[row] - np.arange(len(row))
        values = column.flatten().to_numpy(zero_copy_only=False)
        recent = back <= PURCHASES
        sequences[row[recent], PURCHASES - back[recent], place] = np.log1p(
            np.maximum(values[recent], 0)
        )
    return sequences


def channel_codes(channels: pa.Array) -> Floats:
    """`CHANNEL_BITS` bits of each channel's MD5 as a number, shape (m,), NaN for null.

    A channel has the same code in every shop, on every day and every engine.
    """
    distinct = channels.dictionary_encode()
    digests = [
        md5(name.encode(), usedforsecurity=False).hexdigest()
        for name in distinct.dictionary.to_pylist()
    ]
    codes = [int(digest, 16) % (1 << CHANNEL_BITS) for digest in digests]
    of_rows = pa.array(codes, pa.float64()).take(distinct.indices)
    return of_rows.to_numpy(zero_copy_only=False)


def channel_bits(codes: Floats) -> Singles:
    """Return -1 or 1 per bit of a channel's code, 0 without one; (m, CHANNEL_BITS)."""
    known = ~np.isnan(codes)
    bits = np.where(known, codes, 0).astype(np.int64)[:, None] >> np.arange(
        CHANNEL_BITS
    )
    return ((bits & 1) * 2 - 1).astype(np.float32) * known[:, None]


def calendar_shares(dates: NDArray[np.datetime64], horizons: NDArray) -> Singles:
    """Share of the days after `dates`, up to so many, per month, shape (n, 12)."""
    days = dates.astype("datetime64[D]").astype(np.int64)
    first = days.min(initial=0)
    span = (days - first) * (int(horizons.max(initial=0)) + 1) + horizons
    distinct, row = np.unique(span, return_inverse=True)
    place = np.empty(len(distinct), dtype=np.intp)
    place[row] = np.arange(len(span))
    shares = np.zeros((len(distinct), MONTHS), dtype=np.float32)
    for share, day, horizon in zip(shares, days[place], horizons[place], strict=True):
        window = np.arange(day + 1, day + 1 + horizon).astype("datetime64[D]")
        months = window.astype("datetime64[M]").astype(np.int64) % MONTHS
        share += np.bincount(months, minlength=MONTHS) / horizon
    return shares[row]
